interface Item {
  id: number;
  points: number;
}

/** What a cell gets by the items that apply: its points and what they add or take, from 0 to its points. */
export function scoreByRubric(points: number, offered: readonly Item[], chosen: readonly number[]): number {
  const sum = offered.reduce((total, item) => total + (chosen.includes(item.id) ? item.points : 0), points);
  return Math.min(Math.max(sum, 0), points);
}
