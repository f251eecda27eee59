import { expect, it } from "vitest";
import { scoreByRubric } from "./rubricScore";

const OFFERED = [
  { id: 1, points: -0.5 },
  { id: 2, points: -4 },
  { id: 3, points: 1 },
];

it.each([
  [[], 3],
  [[1], 2.5],
  [[1, 3], 3],
  [[2], 0],
  [[2, 3], 0],
  [[3], 3],
])("items %j of a cell of 3 points give %j", (chosen, score) => {
  expect(scoreByRubric(3, OFFERED, chosen)).toBe(score);
});
