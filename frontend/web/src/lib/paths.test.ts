import { expect, test } from "vitest";
import { labUrl, signInUrl } from "./paths";

test("a server's address leads to JupyterLab, with or without a final slash", () => {
  expect(labUrl("/user/projects/abc/")).toBe("/user/projects/abc/lab");
  expect(labUrl("/user/projects/abc")).toBe("/user/projects/abc/lab");
});

test("a file is opened by its path, whatever letters it has", () => {
  expect(labUrl("/user/projects/abc/", "week 1/heat #2?.ipynb")).toBe(
    "/user/projects/abc/lab/tree/week%201/heat%20%232%3F.ipynb",
  );
});

test("a file's path cannot lead out of the project", () => {
  expect(labUrl("/user/projects/abc/", "../../other/lab")).toBe("/user/projects/abc/lab/tree/other/lab");
  expect(labUrl("/user/projects/abc/", "/etc/./passwd")).toBe("/user/projects/abc/lab/tree/etc/passwd");
});

test("signing in leads back to the whole address", () => {
  expect(signInUrl("/services/collegium/?q=a&b")).toMatch(
    /login\?next=%2Fservices%2Fcollegium%2F%3Fq%3Da%26b$/,
  );
});
