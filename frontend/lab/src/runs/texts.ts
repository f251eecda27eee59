/** What of a form of parameters is sent. Pure. */

export interface Named {
  name: string;
  default: string;
  required: boolean;
}

/** The fields whose text is not the default: the notebook's own defaults stay the notebook's. */
export function changedTexts(
  parameters: readonly Named[],
  typed: Record<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    parameters
      .filter(
        ({ name, default: usual, required }) =>
          typed[name] !== undefined && (required || typed[name] !== usual),
      )
      .map(({ name }) => [name, typed[name]!]),
  );
}
