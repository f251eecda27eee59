import { expect, test, vi } from "vitest";
import { answer, events, problem } from "@/testing/api";
import { startServer } from "./serverStart";

const report = vi.fn();
const start = () => startServer("p1", report, new AbortController().signal);

test("a server that runs already is used at once", async () => {
  answer("post", "/projects/p1/server", { state: "running", url: "/user/projects/p1/" });
  expect(await start()).toBe("/user/projects/p1/");
});

test("the events lead to the ready server's address", async () => {
  answer("post", "/projects/p1/server", { state: "starting" });
  answer("get", "/projects/p1/server/events", () =>
    events(
      { progress: 0, message: "Server requested" },
      { progress: 100, message: "ready", ready: true, url: "/user/projects/p1/" },
    ),
  );
  expect(await start()).toBe("/user/projects/p1/");
  expect(report).toHaveBeenCalledWith(0, "Asking for the server");
});

test("a failed start is an error with the reason", async () => {
  answer("post", "/projects/p1/server", { state: "starting" });
  answer("get", "/projects/p1/server/events", () =>
    events({ progress: 100, message: "Spawn failed: no memory left", failed: true }),
  );
  await expect(start()).rejects.toMatchObject({
    title: "The server did not start",
    detail: "no memory left",
  });
});

test.each([
  ["ends without a verdict", () => events({ progress: 30, message: "Starting" })],
  ["came too late, the start was over", () => problem(404, "The server is not starting.")],
  ["broke", () => problem(503, "The hub does not answer now.")],
])("when the event stream %s, the server's state decides", async (_case, stream) => {
  answer("post", "/projects/p1/server", { state: "starting" });
  answer("get", "/projects/p1/server/events", stream);
  answer("get", "/projects/p1/server", { state: "running", url: "/user/projects/p1/" });
  expect(await start()).toBe("/user/projects/p1/");
});

test("a server that is still starting after the stream ended is waited for", async () => {
  answer("post", "/projects/p1/server", { state: "starting" });
  answer("get", "/projects/p1/server/events", () => events());
  let asked = 0;
  answer("get", "/projects/p1/server", () =>
    ++asked < 2 ? { state: "starting" } : { state: "running", url: "/user/projects/p1/" },
  );
  expect(await start()).toBe("/user/projects/p1/");
});

test("a server that stopped without a word is an error that says what to do", async () => {
  answer("post", "/projects/p1/server", { state: "starting" });
  answer("get", "/projects/p1/server/events", () => events());
  answer("get", "/projects/p1/server", { state: "stopped" });
  await expect(start()).rejects.toThrow(/Try again/);
});

test("a refused start is not followed", async () => {
  answer("post", "/projects/p1/server", () => problem(403, "Viewers of archived projects cannot start it."));
  await expect(start()).rejects.toMatchObject({ status: 403 });
});
