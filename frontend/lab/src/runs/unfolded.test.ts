import { describe, expect, it } from "vitest";

import { isSameText, Unfolded, type Fetch, type MoreText } from "./unfolded";

const GROWING: MoreText = { stream: "grows", name: "stdout", shown: 2, bytes: 6, complete: false };
const ENDED: MoreText = { ...GROWING, stream: "digest", bytes: 8, complete: true };

/** A server that keeps texts of one byte a character. */
function keeps(texts: Record<string, string>): Fetch {
  return (stream, offset, limit) => {
    const whole = texts[stream];
    if (whole === undefined) return Promise.resolve(undefined);
    const end = Math.min(offset + limit, whole.length);
    const next_offset = end < whole.length ? end : null;
    return Promise.resolve({ text: whole.slice(offset, end), next_offset, bytes: whole.length });
  };
}

describe("a text that is unfolded", () => {
  it("is unfolded to what there is, though the page knew of less", async () => {
    const unfolded = new Unfolded(GROWING, keeps({ grows: "abcdefgh" }));
    await unfolded.showMore();
    expect([unfolded.text, unfolded.offset, unfolded.isAll]).toEqual(["cdefgh", 8, true]);
  });
  it("goes on where it was while the text grows", async () => {
    const texts = { grows: "abcdef" };
    const unfolded = new Unfolded(GROWING, keeps(texts));
    await unfolded.showMore();
    texts.grows = "abcdefgh";
    await unfolded.become({ ...GROWING, bytes: 8 });
    expect([unfolded.text, unfolded.isAll]).toEqual(["cdef", false]);
    await unfolded.showMore();
    expect(unfolded.text).toBe("cdefgh");
  });
  it("stays as it was when its cell ends, by the lasting name", async () => {
    const texts: Record<string, string> = { grows: "abcdef" };
    const unfolded = new Unfolded(GROWING, keeps(texts));
    await unfolded.showMore();
    delete texts.grows;
    texts.digest = "abcdefgh";
    await unfolded.become(ENDED);
    expect([unfolded.text, unfolded.offset, unfolded.isAll]).toEqual(["cdef", 6, false]);
  });
  it("is the lasting text, should that be another one than was seen", async () => {
    const unfolded = new Unfolded(GROWING, keeps({ grows: "abcdef", digest: "ABCD" }));
    await unfolded.showMore();
    await unfolded.become({ ...ENDED, bytes: 4 });
    expect([unfolded.text, unfolded.offset, unfolded.isAll]).toEqual(["CD", 4, true]);
  });
  it("waits for the new name of a text that has just ended", async () => {
    const unfolded = new Unfolded(GROWING, keeps({ digest: "abcdefgh" }), 1);
    const shown = unfolded.showMore();
    const ended = unfolded.become(ENDED);
    await Promise.all([shown, ended]);
    expect(unfolded.text).toBe("cdefgh");
  });
});

describe("a text in the place of another", () => {
  it("is the same while it grows and when it has ended", () => {
    expect(isSameText(GROWING, { ...GROWING, bytes: 9 })).toBe(true);
    expect(isSameText(GROWING, ENDED)).toBe(true);
  });
  it("is another one when the cell runs again", () => {
    expect(isSameText(ENDED, GROWING)).toBe(false);
    expect(isSameText(ENDED, { ...ENDED, stream: "other" })).toBe(false);
    expect(isSameText(GROWING, { ...GROWING, stream: "grows anew" })).toBe(false);
    expect(isSameText(GROWING, { ...ENDED, name: "stderr" })).toBe(false);
  });
});
