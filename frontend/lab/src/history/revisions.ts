/** The moments of a document's past, as they are listed. Pure. */

/** A run of edits by one author (spawner/rooms/history.py). */
export interface Revision {
  n: number;
  began: number;
  at: number;
  author: string;
  edits: number;
}

export interface Day {
  name: string;
  revisions: Revision[];
}

/** The revisions by day, the newest first, with the days' names. */
export function byDay(revisions: readonly Revision[], now: number, locale?: string): Day[] {
  const days: Day[] = [];
  for (const revision of [...revisions].reverse()) {
    const name = dayName(revision.at, now, locale);
    const last = days[days.length - 1];
    if (last?.name === name) last.revisions.push(revision);
    else days.push({ name, revisions: [revision] });
  }
  return days;
}

function dayName(at: number, now: number, locale?: string): string {
  const midnight = (seconds: number) => new Date(seconds * 1000).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return new Date(at * 1000).toLocaleDateString(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(days > 300 ? { year: "numeric" } : {}),
  });
}

/** Who it was, in words: an empty author is a change on the disk. */
export function authorName(author: string, users: Record<string, string>): string {
  return author === "" ? "Changed on disk" : (users[author] ?? author);
}

/** A line with who wrote it, said where it differs from the line above. */
export interface AuthoredLine {
  text: string;
  who: string;
  when: string;
  isNew: boolean;
}

/** A source with the author of each line; `lines` holds one entry per line. */
export function authored(
  source: string,
  lines: readonly { author: string; at: number }[],
  users: Record<string, string>,
  say: (at: number) => string,
): AuthoredLine[] {
  const found = source.split("\n").map((text, i) => {
    const line = lines[i];
    return {
      text,
      who: line ? authorName(line.author, users) : "",
      when: line ? say(line.at) : "",
      isNew: false,
    };
  });
  return found.map((line, i) => ({
    ...line,
    isNew: line.who !== "" && (line.who !== found[i - 1]?.who || line.when !== found[i - 1]?.when),
  }));
}
