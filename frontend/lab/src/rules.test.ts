import { describe, expect, it } from "vitest";

import { idProblem, kindOf, kindsFor, metadataFor, totalPoints, type CellKind } from "./course/cells";
import { counted, dueWords, isOpen, scoreWords } from "./course/state";
import { authored, byDay } from "./history/revisions";
import { pathOf, present } from "./people/presence";
import { queueWords, type Queue, type RunRequest } from "./runs/queue";
import { changedTexts } from "./runs/texts";
import { stopped } from "./status/rules";
import { saveState, saveWords } from "./status/saving";
import { completed, inOrder, mentionable, mentionTyped, merged, type Thread } from "./talk/model";
import { refusal } from "./viewer/rules";

describe("saved or not", () => {
  const facts = { connected: true, own: 3, durable: 3, problem: "", mayWrite: true };
  it("is said only when the server has said so", () => {
    expect(saveState(facts)).toBe("saved");
    expect(saveState({ ...facts, durable: 2 })).toBe("saving");
  });
  it("puts a lost connection first, then the server's trouble", () => {
    expect(saveState({ ...facts, connected: false, problem: "disk full" })).toBe("offline");
    expect(saveState({ ...facts, problem: "disk full" })).toBe("problem");
    expect(saveWords("problem", "disk full").long).toContain("disk full");
  });
  it("is no matter for viewers", () =>
    expect(saveState({ ...facts, mayWrite: false, own: 9 })).toBe("viewing"));
});

describe("a server that has stopped", () => {
  it("is offered for starting to those who may start it, and to nobody else", () => {
    expect(stopped(["read", "write", "run_server"]).mayStart).toBe(true);
    expect(stopped(["read", "run_server"]).mayStart).toBe(true);
    expect(stopped(["read"]).mayStart).toBe(false);
    expect(stopped(["read"]).body).toContain("editors or owners can start it");
    expect(stopped([])).toEqual({ body: expect.stringContaining("not a member") as string, mayStart: false });
  });
  it("keeps what was typed, of which viewers hear nothing", () => {
    expect(stopped(["read", "write", "run_server"]).body).toContain("What you typed is kept");
    expect(stopped(["read", "run_server"]).body).not.toContain("typed");
  });
});

describe("presence", () => {
  const state = (username: string, current?: string) => ({
    user: { username, display_name: username },
    current,
  });
  it("shows each person once, oneself first, at the document that one of their tabs shows", () => {
    const people = present(
      [state("zoe"), state("bob", "notebook:a/b.ipynb"), state("zoe", "editor:x.py"), state("me")],
      "me",
    );
    expect(people.map((person) => [person.username, person.at])).toEqual([
      ["me", ""],
      ["bob", "a/b.ipynb"],
      ["zoe", "x.py"],
    ]);
  });
  it("leaves out browsers that have not said who they are", () => expect(present([{}], "me")).toEqual([]));
  it("reads paths with colons", () => expect(pathOf("notebook:RTC:a:b.ipynb")).toBe("a:b.ipynb"));
});

describe("viewers", () => {
  const viewer = { mayWrite: false, mayExecute: false };
  const changing = [
    "notebook:delete-cell",
    "notebook:paste-cell-below",
    "docmanager:save",
    "filebrowser:rename",
    "notebook:run-cell-and-select-next",
    "runmenu:run-all",
    "kernelmenu:restart",
    "terminal:create-new",
    "collegium:run-with-parameters",
  ];
  const looking = [
    "notebook:copy-cell",
    "notebook:move-cursor-up",
    "notebook:enter-command-mode",
    "filebrowser:open",
    "docmanager:download",
    "application:close",
    "collegium:history",
    "collegium:follow",
    "notebook:extend-marked-cells-above",
    "filebrowser:download",
  ];
  it.each(changing)("may not %s", (id) => expect(refusal(id, viewer)).toMatch(/Ask one of its owners/));
  it.each(changing)("while editors may %s", (id) =>
    expect(refusal(id, { mayWrite: true, mayExecute: true })).toBeUndefined(),
  );
  it.each(looking.filter((id) => !id.includes("move")))("may %s", (id) =>
    expect(refusal(id, viewer)).toBeUndefined(),
  );
});

describe("kinds of cells", () => {
  it("survive being written and read", () => {
    for (const type of ["code", "markdown", "raw"]) {
      for (const kind of kindsFor(type)) expect(kindOf(metadataFor(kind, type, undefined, "a"))).toBe(kind);
    }
  });
  it("are nbgrader's, field by field", () => {
    const made = (kind: CellKind) => metadataFor(kind, "code", { points: 2 }, "a");
    expect(made("tests")).toEqual({
      schema_version: 3,
      grade_id: "a",
      grade: true,
      solution: false,
      locked: true,
      task: false,
      cell_type: "code",
      points: 2,
    });
    expect(made("manual answer")).toMatchObject({ grade: true, solution: true, locked: false, points: 2 });
    expect(made("autograded answer")).not.toHaveProperty("points");
    expect(metadataFor("task", "markdown", undefined, "t")).toMatchObject({
      task: true,
      grade: false,
      solution: false,
      locked: true,
      points: 0,
    });
  });
  it("keep the id of a cell that becomes another kind", () =>
    expect(metadataFor("tests", "code", { grade_id: "mine" }, "new")?.grade_id).toBe("mine"));
  it("need ids that are there once", () => {
    expect(idProblem("a b", ["a b"])).toContain("letters");
    expect(idProblem("a", ["a", "a"])).toContain("Another");
    expect(idProblem("a", ["a", "b"])).toBe("");
  });
  it("count the points of scored cells alone", () =>
    expect(
      totalPoints([
        metadataFor("tests", "code", { points: 2 }, "a"),
        { solution: true, points: 7 },
        undefined,
      ]),
    ).toBe(2));
});

describe("deadlines", () => {
  const at = (hours: number) => new Date(1_000_000_000_000 + hours * 3_600_000).toISOString();
  const facts = (due: number | null, closes: number | null) => ({
    name: "a",
    points: 1,
    due_at: due === null ? null : at(due),
    closes_at: closes === null ? null : at(closes),
    feedback_released_at: null,
  });
  const now = 1_000_000_000;
  it("are said as they are for this person", () => {
    expect(dueWords(facts(null, null), now)).toBe("No deadline");
    expect(dueWords(facts(72, 96), now)).toBe("Due in 3 days");
    expect(dueWords(facts(-5, 5), now)).toBe("Was due 5 hours ago; closes in 5 hours");
    expect(dueWords(facts(-9, -1), now)).toBe("Closed");
    expect([isOpen(facts(-9, -1), now), isOpen(facts(-1, 1), now), isOpen(facts(-1, null), now)]).toEqual([
      false,
      true,
      true,
    ]);
  });
  it("leave the chosen submission chosen, else the last", () => {
    const hand = (id: number, hours: number, is_counted = false) => ({
      id,
      received_at: at(hours),
      late_seconds: 0,
      is_counted,
      score: null,
      points: 1,
      sha256: "",
    });
    expect(counted([hand(1, 0), hand(2, 5), hand(3, 2)])?.id).toBe(2);
    expect(counted([hand(1, 0, true), hand(2, 5)])?.id).toBe(1);
    expect(counted([])).toBeUndefined();
  });
  it("say scores exactly", () =>
    expect([scoreWords(8.5, 10), scoreWords(1 / 3, 1)]).toEqual(["8.5 of 10", "0.33 of 1"]));
});

describe("talk", () => {
  const thread = (id: number, cell_id: string | null) => ({ id, cell_id, created: id }) as Thread;
  it("stands in the order of the cells; what is about a deleted cell comes last", () =>
    expect(
      inOrder([thread(1, "gone"), thread(2, "b"), thread(3, "a"), thread(4, null)], ["a", "b"]).map(
        (t) => t.id,
      ),
    ).toEqual([4, 3, 2, 1]));
  it("has each message once, by time", () => {
    const one = { id: 1, at: 5, text: "old" };
    expect(
      merged([one, { id: 2, at: 7, text: "b" }], { id: 1, at: 5, text: "new" }, (m) => m.at).map(
        (m) => m.text,
      ),
    ).toEqual(["new", "b"]);
  });
  it("offers names after an @ that begins a word", () => {
    expect(mentionTyped("hello @gr")).toBe("gr");
    expect(mentionTyped("mail a@b")).toBeUndefined();
    const members = [
      { username: "ghopper", display_name: "Grace Hopper" },
      { username: "ada", display_name: "Ada L" },
    ];
    expect(mentionable(members, "gra").map((m) => m.username)).toEqual(["ghopper"]);
    expect(completed("hi @gra you", 7, "ghopper")).toEqual({ text: "hi @ghopper you", cursor: 12 });
  });
});

it("says what runs and waits", () => {
  const queue = (...states: RunRequest["state"][]) =>
    ({ requests: states.map((state) => ({ state })) }) as unknown as Queue;
  expect(
    [queue(), queue("running", "waiting", "waiting"), queue("input"), queue("waiting")].map(queueWords),
  ).toEqual(["", "Running · 2 waiting", "Waits for an answer", "1 waiting"]);
});

it("sends only parameters that were changed, and those that have no default", () => {
  const parameters = [
    { name: "a", default: "1", required: false },
    { name: "b", default: "", required: true },
  ];
  expect(changedTexts(parameters, { a: "1", b: "" })).toEqual({ b: "" });
  expect(changedTexts(parameters, { a: "2", b: "x" })).toEqual({ a: "2", b: "x" });
});

it("lists the past by day, the newest first", () => {
  const noon = new Date(2026, 2, 10, 12).getTime() / 1000;
  const revision = (n: number, at: number) => ({ n, began: at, at, author: "a", edits: 1 });
  const days = byDay([revision(1, noon - 90_000), revision(2, noon - 60), revision(3, noon)], noon, "en");
  expect(days.map((day) => [day.name, day.revisions.map((r) => r.n)])).toEqual([
    ["Today", [3, 2]],
    ["Yesterday", [1]],
  ]);
});

it("names an author where they begin", () => {
  const lines = [
    { author: "a", at: 1 },
    { author: "a", at: 1 },
    { author: "", at: 2 },
  ];
  const found = authored("x\ny\nz\nnew", lines, { a: "Ada" }, String);
  expect(found.map((line) => [line.who, line.isNew])).toEqual([
    ["Ada", true],
    ["Ada", false],
    ["Changed on disk", true],
    ["", false],
  ]);
});
