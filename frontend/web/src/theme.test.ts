import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { theme } from "./theme";

const page = readFileSync("../../hub/templates/collegium.html", "utf8");
const palette = new Set(
  [Object.values(theme.colors ?? {}).flat(), theme.white, theme.black].flat().map((color) => String(color)),
);

test("the sign-in pages use the theme's colours only", () => {
  const used = page.match(/#[0-9a-f]{6}\b/gi) ?? [];
  expect(used.length).toBeGreaterThan(20);
  expect(used.filter((color) => !palette.has(color.toLowerCase()))).toEqual([]);
});

test("the sign-in pages remember the colour scheme under the web app's name", () => {
  expect(page).toContain('localStorage.getItem("collegium-color-scheme")');
  expect(readFileSync("public/color-scheme.js", "utf8")).toContain("collegium-color-scheme");
});

/** Relative luminance, WCAG 2.2. */
function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((start) => parseInt(color.slice(start, start + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function variables(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([a-z-]+): (#[0-9a-f]{6})/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

const [light, dark] = [/:root \{([^}]*)\}/, /:root\[data-theme="dark"\] \{([^}]*)\}/].map((pattern) =>
  variables(pattern.exec(page)?.[1] ?? ""),
);

test.each([
  ["light", light],
  ["dark", dark],
])("text of the sign-in pages has the contrast of WCAG AA in %s", (_name, colors = {}) => {
  const pairs = [
    ["text", "page"],
    ["text", "card"],
    ["dimmed", "page"],
    ["dimmed", "card"],
    ["link", "card"],
    ["problem-text", "problem-back"],
    ["notice-text", "notice-back"],
  ] as const;
  for (const [front, back] of pairs) {
    const value = contrast(colors[front] ?? "", colors[back] ?? "");
    expect(value, `${front} on ${back}`).toBeGreaterThanOrEqual(4.5);
  }
  expect(contrast("#ffffff", colors.accent ?? "")).toBeGreaterThanOrEqual(4.5);
});
