/** Comments and messages, as the project's server keeps them (docs/dev/rooms_http.md). Pure. */

export interface Message {
  id: number;
  author: string;
  display_name: string;
  text: string;
  at: number;
  edited: number | null;
  deleted: boolean;
  mentions: string[];
}
export interface Thread {
  id: number;
  path: string;
  cell_id: string | null;
  quote: string;
  resolved: boolean;
  resolved_by: string | null;
  messages: Message[];
  created: number;
  changed: number;
}
export interface Entry {
  id: number;
  at: number;
  user: string;
  display_name: string;
  kind: string;
  path: string;
  detail: string;
}
export interface MemberName {
  username: string;
  display_name: string;
}

/** Put a new or changed item in its place by time, one of each id. */
export function merged<T extends { id: number }>(
  items: readonly T[],
  item: T,
  time: (item: T) => number,
): T[] {
  return [...items.filter((each) => each.id !== item.id), item].sort(
    (a, b) => time(a) - time(b) || a.id - b.id,
  );
}

/** Threads in the order of the notebook's cells; those whose cell is gone come last. */
export function inOrder(threads: readonly Thread[], cells: readonly string[]): Thread[] {
  const place = new Map(cells.map((id, i) => [id, i]));
  const of = (thread: Thread) => place.get(thread.cell_id ?? "") ?? (thread.cell_id ? cells.length : -1);
  return [...threads].sort((a, b) => of(a) - of(b) || a.created - b.created);
}

/** The name that is being typed after an @ at the end of the text before the cursor; undefined when none is. */
export function mentionTyped(before: string): string | undefined {
  return /(?:^|[\s(])@([\w.-]*)$/.exec(before)?.[1];
}

/** The members whose names fit what was typed after the @, at most six. */
export function mentionable(members: readonly MemberName[], typed: string): MemberName[] {
  const wanted = typed.toLowerCase();
  const fits = (name: string) => name.toLowerCase().startsWith(wanted);
  return members
    .filter((member) => fits(member.username) || member.display_name.split(/\s+/).some(fits))
    .slice(0, 6);
}

/** The text with the name that was being typed completed. */
export function completed(text: string, cursor: number, username: string): { text: string; cursor: number } {
  const before = text.slice(0, cursor).replace(/@[\w.-]*$/, `@${username} `);
  return { text: before + text.slice(cursor).replace(/^ /, ""), cursor: before.length };
}

const DEEDS: Record<string, string> = {
  edit: "edited",
  run: "ran cells in",
  comment: "commented on",
  reply: "replied in",
  resolve: "resolved a thread in",
  chat: "wrote in the chat",
  restore: "restored",
  snapshot: "took a snapshot",
  outside: "changed on disk:",
};

/** "Ada Lovelace edited waves.ipynb". */
export function deedWords(entry: Entry): string {
  const who = entry.display_name || entry.user || "Something";
  return [who, DEEDS[entry.kind] ?? entry.kind, entry.path].filter(Boolean).join(" ");
}
