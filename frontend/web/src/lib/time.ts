const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
let date = dateFormat();
let dateTime = dateTimeFormat();

/** Show times in a zone (an IANA name); empty: that of the browser. */
export function setTimeZone(zone: string): void {
  date = dateFormat(zone);
  dateTime = dateTimeFormat(zone);
}

/** How long ago something was, in words; a date when it is more than a week away. */
export function timeAgo(then: Date, now: Date): string {
  const seconds = (then.getTime() - now.getTime()) / 1000;
  const distance = Math.abs(seconds);
  if (distance < MINUTE) return "just now";
  if (distance < HOUR) return relative.format(Math.trunc(seconds / MINUTE), "minute");
  if (distance < DAY) return relative.format(Math.trunc(seconds / HOUR), "hour");
  if (distance < 7 * DAY) return relative.format(Math.trunc(seconds / DAY), "day");
  return date.format(then);
}

/** The moment in full, in the time zone of the reader's account. */
export function fullTime(then: Date): string {
  return dateTime.format(then);
}

function dateFormat(timeZone?: string) {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    ...(timeZone ? { timeZone } : {}),
  });
}

function dateTimeFormat(timeZone?: string) {
  return new Intl.DateTimeFormat("en-GB", {
    dateStyle: "long",
    timeStyle: "short",
    ...(timeZone ? { timeZone } : {}),
  });
}
