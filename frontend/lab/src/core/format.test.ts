import { describe, expect, it } from "vitest";

import { ago, bytes, initials, retryDelay, until } from "./format";

const NOON = new Date(2026, 2, 10, 12).getTime() / 1000;

describe("times", () => {
  it.each([
    [5, "just now"],
    [60, "1 minute ago"],
    [59 * 60, "59 minutes ago"],
  ])("%d seconds ago is said as %s", (seconds, words) => expect(ago(NOON - seconds, NOON)).toBe(words));

  it("names the day by the calendar, not by 24 hours", () => {
    expect(ago(NOON - 3 * 3600, NOON, "en")).toMatch(/^today at 09:00/);
    expect(ago(NOON - 13 * 3600, NOON, "en")).toMatch(/^yesterday at 11:00/);
    expect(ago(NOON - 40 * 3600, NOON, "en")).toMatch(/^Mar 8 at/);
  });

  it("says how far a deadline is", () => {
    expect(until(NOON + 3 * 86400 + 5, NOON)).toBe("in 3 days");
    expect(until(NOON + 30 * 3600, NOON)).toBe("in 30 hours");
    expect(until(NOON - 90, NOON)).toBe("1 minute ago");
  });
});

it("says sizes with at most three digits", () => {
  expect([0, 999, 1000, 32_000, 1_234_567, 999_999].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "32.0 kB",
    "1.2 MB",
    "1.0 MB",
  ]);
});

it("takes the first letters of the first and last name", () => {
  expect(["Ada Lovelace", "plato", "", "Juan de la Cruz", "李 明"].map(initials)).toEqual([
    "AL",
    "P",
    "?",
    "JC",
    "李明",
  ]);
});

it("tries again ever more seldom, between half a second and fifteen", () => {
  expect(retryDelay(0, 0.5)).toBe(500);
  expect(retryDelay(30, 0.5)).toBe(15_000);
  expect(retryDelay(30, 0)).not.toBe(retryDelay(30, 0.9)); // not everybody at once
});
