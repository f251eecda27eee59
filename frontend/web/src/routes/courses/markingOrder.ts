interface Listed {
  id: number;
  needs_manual: boolean;
  cells: readonly { notebook: string; grade_id: string; needs_manual: boolean }[];
}

/** The submission before or after another one in the list; nothing beyond its ends. */
export function neighbour(
  items: readonly Listed[],
  current: number | undefined,
  step: 1 | -1,
): number | undefined {
  const at = items.findIndex(({ id }) => id === current);
  return items[at + step]?.id;
}

/** The next submission in which somebody has to look, at one question or at any; from the start again at the end. */
export function nextUngraded(
  items: readonly Listed[],
  current: number | undefined,
  question: string,
): number | undefined {
  const at = items.findIndex(({ id }) => id === current);
  const following = [...items.slice(at + 1), ...items.slice(0, Math.max(at, 0))];
  return following.find((item) =>
    question
      ? item.cells.some((cell) => `${cell.notebook} ${cell.grade_id}` === question && cell.needs_manual)
      : item.needs_manual,
  )?.id;
}
