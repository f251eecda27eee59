import { screen } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { answer, events, problem, signedIn } from "@/testing/api";
import { project } from "@/testing/data";
import { renderApp } from "@/testing/render";

beforeEach(() => signedIn());

test("an administrator who is not a member is told so, and nothing is started", async () => {
  answer("get", "/projects/p1", { ...project, role: null, capabilities: ["run_server"] });
  const started = answer("post", "/projects/p1/server", { state: "starting" });
  renderApp("/projects/p1/open");
  expect(
    await screen.findByRole("heading", { name: "You are not a member of Bernoulli numbers" }),
  ).toBeVisible();
  expect(started).toHaveLength(0);
});

test("a failed start shows the reason, and trying again starts once more", async () => {
  answer("get", "/projects/p1", project);
  const started = answer("post", "/projects/p1/server", { state: "starting" });
  let reason = "the disk is full";
  answer("get", "/projects/p1/server/events", () => events({ progress: 100, message: reason, failed: true }));
  const { user } = renderApp("/projects/p1/open");
  expect(await screen.findByText("the disk is full")).toBeVisible();
  reason = "no memory left";
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("no memory left")).toBeVisible();
  expect(started).toHaveLength(2);
});

test("a platform that is away for a moment is said, with the way to try again", async () => {
  answer("get", "/projects/p1", project);
  answer("post", "/projects/p1/server", () =>
    problem(503, "The hub does not answer now; try again in a moment."),
  );
  renderApp("/projects/p1/open");
  expect(await screen.findByText("The hub does not answer now; try again in a moment.")).toBeVisible();
  expect(screen.getByRole("button", { name: "Try again" })).toBeEnabled();
});
