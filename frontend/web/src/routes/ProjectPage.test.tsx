import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { answer, events, problem, signedIn } from "@/testing/api";
import { emmy, member, project } from "@/testing/data";
import { renderApp } from "@/testing/render";

beforeEach(() => {
  signedIn();
  answer("get", "/projects/p1", project);
  answer("get", "/projects/p1/server", { state: "stopped" });
  answer("get", "/projects", { items: [] });
  answer("get", "/projects/p1/invitations", { items: [] });
  answer("get", "/projects/p1/files", { path: "", items: [], used_bytes: 0, limit_bytes: null });
});

async function openMenu(name: string) {
  const shown = renderApp("/projects/p1?tab=people");
  await shown.user.click(await screen.findByRole("button", { name: "More actions for this project" }));
  await shown.user.click(await screen.findByRole("menuitem", { name }));
  return shown;
}

test("a viewer sees the people and manages nothing", async () => {
  answer("get", "/projects/p1", { ...project, role: "viewer", capabilities: ["read", "run_server"] });
  const { user } = renderApp("/projects/p1?tab=people");
  const people = within(await screen.findByRole("region", { name: "People" }));
  expect(people.getByText("Editor")).toBeVisible();
  expect(people.queryByRole("button")).not.toBeInTheDocument();
  expect(people.queryByLabelText("Add a person")).not.toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "More actions for this project" }));
  const actions = await screen.findAllByRole("menuitem");
  expect(actions.map((item) => item.textContent)).toEqual(["Copy to a new project", "Leave project"]);
});

test("a person is found by typing and added with the chosen role", async () => {
  const sofia = { ...emmy, name: "sofia", display_name: "Sofia Kovalevskaya" };
  answer("get", "/people", ({ url }) => ({ items: url.searchParams.get("search") === "kov" ? [sofia] : [] }));
  const put = answer("put", "/projects/p1/members/sofia", {
    ...project,
    members: [...project.members, member(sofia, "editor")],
  });
  const { user } = renderApp("/projects/p1?tab=people");
  await user.type(await screen.findByLabelText("Add a person"), "kov");
  await user.click(await screen.findByRole("option", { name: /Sofia/ }));
  expect(await screen.findByRole("button", { name: "Remove Sofia Kovalevskaya" })).toBeVisible();
  expect(put[0]?.body).toEqual({ role: "editor" });
});

test("somebody who is a member already cannot be added twice", async () => {
  answer("get", "/people", { items: [emmy] });
  const { user } = renderApp("/projects/p1?tab=people");
  await user.type(await screen.findByLabelText("Add a person"), "emmy");
  const option = await screen.findByRole("option", { name: /Emmy Noether.*already a member/ });
  expect(option).toHaveAttribute("data-combobox-disabled", "true");
});

test("a role that the platform refuses to change goes back, with the reason", async () => {
  answer("put", "/projects/p1/members/emmy", () => problem(409, "Not while the exam runs."));
  const { user } = renderApp("/projects/p1?tab=people");
  const role = await screen.findByRole("combobox", { name: "Role of Emmy Noether" });
  await user.click(role);
  await user.click(await screen.findByRole("option", { name: /Viewer/ }));
  expect(await screen.findByText("Not while the exam runs.")).toBeVisible();
  expect(role).toHaveValue("Editor");
});

test("the last owner has no controls that would leave the project without one", async () => {
  renderApp("/projects/p1?tab=people");
  await screen.findByRole("button", { name: "Remove Emmy Noether" });
  expect(screen.queryByRole("button", { name: "Remove Ada Lovelace" })).not.toBeInTheDocument();
  expect(screen.queryByRole("combobox", { name: "Role of Ada Lovelace" })).not.toBeInTheDocument();
});

test("a project is moved to the trash without a question, and comes back by undo", async () => {
  const deleted = answer("delete", "/projects/p1", () => new Response(null, { status: 204 }));
  const restored = answer("post", "/trash/p1/restore", project);
  const { user, path } = await openMenu("Move to the trash");
  await waitFor(() => expect(path()).toBe("/"));
  expect(deleted).toHaveLength(1);
  await user.click(await screen.findByRole("button", { name: "Undo" }));
  expect(await screen.findByText("“Bernoulli numbers” is back.")).toBeVisible();
  expect(restored).toHaveLength(1);
});

test("the star is shown at once and taken back when the platform refuses", async () => {
  answer("put", "/projects/p1/star", () => problem(503, "Not now."));
  const { user } = renderApp("/projects/p1");
  await user.click(await screen.findByRole("button", { name: "Star Bernoulli numbers" }));
  expect(await screen.findByText("Not now.")).toBeVisible();
  expect(await screen.findByRole("button", { name: "Star Bernoulli numbers" })).toBeVisible();
});

test("leaving takes oneself out and leads to the list", async () => {
  const left = answer("delete", "/projects/p1/members/ada", { ...project, role: null, members: [] });
  const { user, path } = await openMenu("Leave project");
  await user.click(await screen.findByRole("button", { name: "Leave project" }));
  await waitFor(() => expect(path()).toBe("/"));
  expect(left).toHaveLength(1);
});

test("the start of the server shows its progress, then the running server", async () => {
  let isStarted = false;
  answer("get", "/projects/p1/server", () =>
    isStarted ? { state: "running", url: "/user/projects/p1/" } : { state: "stopped" },
  );
  answer("post", "/projects/p1/server", { state: "starting" });
  let finish: () => void = () => undefined;
  const isFinished = new Promise<void>((resolve) => (finish = resolve));
  answer("get", "/projects/p1/server/events", () => {
    const encoder = new TextEncoder();
    const stream = new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode('data: {"progress": 40, "message": "Preparing files"}\n\n'));
        await isFinished;
        isStarted = true;
        controller.enqueue(
          encoder.encode(
            'data: {"progress": 100, "message": "", "ready": true, "url": "/user/projects/p1/"}\n\n',
          ),
        );
        controller.close();
      },
    });
    return new Response(stream, { headers: { "Content-Type": "text/event-stream" } });
  });
  const { user } = renderApp("/projects/p1?tab=people");
  await user.click(await screen.findByRole("button", { name: "Start" }));
  expect(await screen.findByText("Preparing files")).toBeVisible();
  expect(screen.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "40");
  finish();
  expect(await screen.findByText("Running")).toBeVisible();
});

test("a server that does not start shows the reason and can be tried again", async () => {
  answer("post", "/projects/p1/server", { state: "starting" });
  answer("get", "/projects/p1/server/events", () =>
    events({ progress: 100, message: "Spawn failed: the disk is full", failed: true }),
  );
  const { user } = renderApp("/projects/p1?tab=people");
  await user.click(await screen.findByRole("button", { name: "Start" }));
  expect(await screen.findByText("the disk is full")).toBeVisible();
  expect(screen.getByText("Failed")).toBeVisible();
  expect(screen.getByRole("button", { name: "Try again" })).toBeEnabled();
});

test("a project that is gone or not one's own says so without saying which", async () => {
  answer("get", "/projects/p1", () => problem(404, "No such project."));
  renderApp("/projects/p1?tab=people");
  expect(await screen.findByRole("heading", { name: "No such project" })).toBeVisible();
});

test("an administrator who is not a member manages the project but cannot open it", async () => {
  answer("get", "/projects/p1", {
    ...project,
    role: null,
    capabilities: ["run_server", "manage_members", "manage_project", "delete_project"],
  });
  renderApp("/projects/p1?tab=people");
  expect(await screen.findByLabelText("Add a person")).toBeVisible();
  expect(screen.queryByRole("link", { name: "Open" })).not.toBeInTheDocument();
  expect(screen.getByText("Administrator, not a member")).toBeVisible();
});

test("a page that is open says when the person was taken out of the project", async () => {
  let isMember = true;
  answer("get", "/projects/p1", () => (isMember ? project : problem(404, "No such project.")));
  vi.useFakeTimers({ shouldAdvanceTime: true });
  renderApp("/projects/p1?tab=people");
  await screen.findByRole("heading", { name: "Bernoulli numbers" });
  isMember = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await screen.findByRole("heading", { name: "No such project" })).toBeVisible();
  vi.useRealTimers();
});
