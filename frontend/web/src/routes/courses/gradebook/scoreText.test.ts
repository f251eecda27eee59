import { describe, expect, it } from "vitest";
import { parseScore, pastedTable, scoreText } from "./scoreText";

describe("a score that is typed", () => {
  it.each([
    ["8", 8],
    [" 7.5 ", 7.5],
    ["7,5", 7.5],
    [".5", 0.5],
    ["0", 0],
    ["10", 10],
    ["", null],
  ])("%j is %j", (text, score) => {
    expect(parseScore(text, 10)).toEqual({ score, is_excused: false });
  });

  it("excuses", () => {
    expect(parseScore("ex", 10)).toEqual({ score: null, is_excused: true });
    expect(parseScore("Excused", 10)).toEqual({ score: null, is_excused: true });
  });

  it.each(["10.1", "-1", "ten", "1,000,0", "1e9", "NaN", "0x5", "1 2", "-"])("%j is none", (text) => {
    expect(parseScore(text, 10)).toBeTypeOf("string");
  });

  it.each(["", "excused", "3", "2.25"])("%j is shown as it was typed", (text) => {
    const score = parseScore(text, 10);
    expect(typeof score === "string" ? score : scoreText(score)).toBe(text);
  });
});

describe("what is pasted", () => {
  it("is a table when it has lines or columns", () => {
    expect(pastedTable("1\r\n2\r\n")).toEqual([["1"], ["2"]]);
    expect(pastedTable("1\t2\n3\t")).toEqual([
      ["1", "2"],
      ["3", ""],
    ]);
  });

  it("is a value otherwise", () => {
    expect(pastedTable("1")).toBeNull();
    expect(pastedTable("1\n")).toBeNull();
  });
});
