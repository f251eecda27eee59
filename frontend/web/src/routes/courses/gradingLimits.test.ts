import { expect, test } from "vitest";
import { limitsAsSentence, limitsInWords } from "./gradingLimits";

test.each([
  [{}, "", "Grades the work of all students on every assignment."],
  [{ graded_sections: ["A"] }, "section A", "Grades the work of students of section A on every assignment."],
  [
    { graded_sections: ["A", "B", "C"], graded_assignments: ["ps1", "ps2"] },
    "sections A, B and C · ps1 and ps2",
    "Grades the work of students of the sections A, B and C on ps1 and ps2.",
  ],
])("%o", (limits, words, sentence) => {
  expect(limitsInWords(limits)).toBe(words);
  expect(limitsAsSentence(limits)).toBe(sentence);
});
