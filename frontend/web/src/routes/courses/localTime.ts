/** A time as an input of kind `datetime-local` has it, in the zone of this browser; empty for none. */
export function localTime(at: string | null | undefined): string {
  if (!at) return "";
  const then = new Date(at);
  const pad = (value: number) => String(value).padStart(2, "0");
  const day = `${then.getFullYear()}-${pad(then.getMonth() + 1)}-${pad(then.getDate())}`;
  return `${day}T${pad(then.getHours())}:${pad(then.getMinutes())}`;
}

/** What stands in such an input, in UTC; `null` for an empty one. */
export function utcTime(local: string): string | null {
  return local ? new Date(local).toISOString() : null;
}
