/** One of some values of a page's address; nothing for any other. */
export function choice<K extends string, V extends string>(
  search: Record<string, unknown>,
  name: K,
  values: readonly V[],
): Partial<Record<K, V>> {
  const found = values.find((value) => value === search[name]);
  return found === undefined ? {} : ({ [name]: found } as Partial<Record<K, V>>);
}

/** A text of a page's address; nothing when it is empty. */
export function textParameter<K extends string>(
  search: Record<string, unknown>,
  name: K,
): Partial<Record<K, string>> {
  const value = search[name];
  // The router reads `?q=12` as a number.
  const text = typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
  return text === "" ? {} : ({ [name]: text } as Partial<Record<K, string>>);
}
