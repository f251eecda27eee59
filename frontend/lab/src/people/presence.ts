/** Who is here, from what everybody's browser tells (the server stamps the names). Pure. */

/** What one browser tells about the person in front of it. */
export interface PresenceState {
  user?: { username?: string; name?: string; display_name?: string; color?: string };
  /** Kind of widget and path of what is in front of them, as `notebook:a/b.ipynb`. */
  current?: string;
  documents?: string[];
}

/** Somebody who is in the project now. */
export interface PresentPerson {
  username: string;
  name: string;
  colour: string;
  /** Path of the document in front of them; empty when it is none. */
  at: string;
  /** Whether this is the person at this browser. */
  isSelf: boolean;
}

/** Everybody who is here, once each whatever the number of their tabs: oneself first, then by name. */
export function present(states: Iterable<PresenceState>, self: string): PresentPerson[] {
  const people = new Map<string, PresentPerson>();
  for (const state of states) {
    const username = state.user?.username;
    if (!username) continue;
    const at = pathOf(state.current);
    const known = people.get(username);
    if (known && (known.at || !at)) continue;
    people.set(username, {
      username,
      name: state.user?.display_name ?? state.user?.name ?? username,
      colour: state.user?.color ?? "var(--jp-brand-color1)",
      at,
      isSelf: username === self,
    });
  }
  return [...people.values()].sort(
    (a, b) =>
      Number(b.isSelf) - Number(a.isSelf) ||
      a.name.localeCompare(b.name) ||
      (a.username < b.username ? -1 : 1),
  );
}

/** The path in `notebook:a/b.ipynb` (a path may hold colons, and may be below a drive). */
export function pathOf(current: string | undefined): string {
  if (!current) return "";
  const path = current.slice(current.indexOf(":") + 1);
  return path.startsWith("RTC:") ? path.slice(4) : path;
}
