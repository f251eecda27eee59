/** Words and numbers as people read them. Pure. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const RETRY_MS = 500;
const RETRY_MOST_MS = 15_000;

/** Seconds since the epoch. */
export const clock = (): number => Date.now() / 1000;

/** Milliseconds until the next attempt, growing from half a second to fifteen, with `random` in [0, 1) spread. */
export function retryDelay(attempt: number, random: number): number {
  return Math.min(RETRY_MS * 2 ** attempt, RETRY_MOST_MS) * (0.75 + random / 2);
}

/** "just now", "5 minutes ago", "yesterday at 14:02", "3 Mar at 14:02"; both times in seconds since the epoch. */
export function ago(at: number, now: number, locale?: string): string {
  const passed = now - at;
  if (passed < MINUTE) return "just now";
  if (passed < HOUR) return count(Math.floor(passed / MINUTE), "minute") + " ago";
  const day = new Date(at * 1000);
  const time = day.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  const days = calendarDays(at, now);
  if (days === 0) return `today at ${time}`;
  if (days === 1) return `yesterday at ${time}`;
  const year = now - at > 300 * DAY ? ({ year: "numeric" } as const) : {};
  return `${day.toLocaleDateString(locale, { day: "numeric", month: "short", ...year })} at ${time}`;
}

/** "in 3 days", "in 5 hours", "2 hours ago": how far a deadline is; both times in seconds since the epoch. */
export function until(at: number, now: number): string {
  const left = Math.abs(at - now);
  const words =
    left >= 2 * DAY
      ? count(Math.floor(left / DAY), "day")
      : left >= 2 * HOUR
        ? count(Math.floor(left / HOUR), "hour")
        : count(Math.max(1, Math.floor(left / MINUTE)), "minute");
  return at >= now ? `in ${words}` : `${words} ago`;
}

/** "1 edit", "3 edits". */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** "512 B", "1.5 MB" (powers of 1000). */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit += 1;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** "AL" for "Ada Lovelace". */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined].map((word) =>
    word ? [...word][0] : "",
  );
  return letters.join("").toUpperCase() || "?";
}

/** The name of a file without its folders. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function calendarDays(from: number, to: number): number {
  const midnight = (seconds: number) => new Date(seconds * 1000).setHours(0, 0, 0, 0);
  return Math.round((midnight(to) - midnight(from)) / (DAY * 1000));
}
