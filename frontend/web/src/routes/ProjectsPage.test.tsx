import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { answer, problem, signedIn } from "@/testing/api";
import { project, summary } from "@/testing/data";
import { renderApp } from "@/testing/render";

beforeEach(() => signedIn());

test("somebody without projects is invited to make the first one", async () => {
  answer("get", "/projects", { items: [] });
  renderApp("/");
  expect(await screen.findByRole("heading", { name: "Start your first project" })).toBeVisible();
});

test("each project shows its name, the role, the people and the server's state", async () => {
  answer("get", "/projects", { items: [summary({ server_state: "running" })] });
  renderApp("/");
  const row = within(await screen.findByRole("listitem"));
  expect(row.getByRole("link", { name: "Bernoulli numbers" })).toHaveAttribute("href", "/projects/p1");
  expect(row.getByRole("link", { name: "Open Bernoulli numbers" })).toHaveAttribute(
    "href",
    "/projects/p1/open",
  );
  expect(row.getAllByText("Owner · 2 people")[0]).toBeVisible();
  expect(row.getByText("Running")).toBeVisible();
});

test("a name with markup is shown as it was written", async () => {
  answer("get", "/projects", { items: [summary({ name: "<img src=x onerror=alert(1)>" })] });
  renderApp("/");
  expect(await screen.findByRole("link", { name: "<img src=x onerror=alert(1)>" })).toBeVisible();
});

test("the search asks the platform, and says when nothing matches", async () => {
  const asked = answer("get", "/projects", ({ url }) => ({
    items: url.searchParams.get("search") === "wind" ? [] : [summary()],
  }));
  const { user } = renderApp("/");
  await screen.findByRole("listitem");
  await user.keyboard("/");
  await user.keyboard("wind");
  expect(await screen.findByRole("heading", { name: "No project matches “wind”" })).toBeVisible();
  expect(asked.at(-1)?.url.searchParams.get("search")).toBe("wind");
});

test("further pages are asked for with the cursor that the platform gave", async () => {
  answer("get", "/projects", ({ url }) =>
    url.searchParams.get("cursor") === "c2"
      ? { items: [summary({ id: "p2", name: "Second page" })] }
      : { items: [summary()], next_cursor: "c2" },
  );
  const { user } = renderApp("/");
  await user.click(await screen.findByRole("button", { name: "Show more projects" }));
  expect(await screen.findByText("Second page")).toBeVisible();
  expect(screen.getByText("Bernoulli numbers")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Show more projects" })).not.toBeInTheDocument();
});

test("the key n opens the form, and the new project's page comes up", async () => {
  answer("get", "/projects", { items: [] });
  answer("get", "/projects/p1", project);
  answer("get", "/projects/p1/server", { state: "stopped" });
  const posted = answer("post", "/projects", project);
  const { user, path } = renderApp("/");
  await screen.findByRole("heading", { name: "Projects" });
  await user.keyboard("n");
  await user.type(await screen.findByLabelText("Name"), "  Bernoulli numbers ");
  await user.click(screen.getByRole("button", { name: "Create project" }));
  expect(await screen.findByRole("heading", { name: "Bernoulli numbers", level: 1 })).toBeVisible();
  expect(path()).toBe("/projects/p1");
  expect(posted[0]?.body).toEqual({ name: "Bernoulli numbers", description: "" });
  expect(posted[0]?.headers.get("X-Collegium-Client")).toBe("web");
});

test("a project without a name is not sent", async () => {
  answer("get", "/projects", { items: [] });
  const posted = answer("post", "/projects", project);
  const { user } = renderApp("/");
  await screen.findByRole("heading", { name: "Projects" });
  await user.keyboard("n");
  await user.type(await screen.findByLabelText("Name"), "   ");
  await user.click(screen.getByRole("button", { name: "Create project" }));
  expect(await screen.findByText("Give the project a name.")).toBeVisible();
  expect(posted).toHaveLength(0);
});

test("a field that the platform refuses is named at the field", async () => {
  answer("get", "/projects", { items: [] });
  answer("post", "/projects", () =>
    problem(422, "name: taken", { errors: [{ field: "name", message: "is taken" }] }),
  );
  const { user } = renderApp("/");
  await screen.findByRole("heading", { name: "Projects" });
  await user.keyboard("n");
  await user.type(await screen.findByLabelText("Name"), "Twice");
  await user.click(screen.getByRole("button", { name: "Create project" }));
  await waitFor(() => expect(screen.getByLabelText("Name")).toHaveAccessibleDescription(/is taken/));
});

test("a failure shows the reason and the request id, and trying again works", async () => {
  let isBroken = true;
  answer("get", "/projects", () =>
    isBroken
      ? problem(400, "The database is on holiday.", { request_id: "abcd1234" })
      : { items: [summary()] },
  );
  const { user } = renderApp("/");
  const alert = within(await screen.findByRole("alert"));
  expect(alert.getByText("The database is on holiday.")).toBeVisible();
  expect(alert.getByText("abcd1234")).toBeVisible();
  isBroken = false;
  await user.click(alert.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Bernoulli numbers")).toBeVisible();
});

test("somebody who came by link is asked to set a password", async () => {
  signedIn({ ...(await import("@/testing/data")).ada, has_password: false });
  answer("get", "/projects", { items: [] });
  renderApp("/");
  expect(await screen.findByRole("link", { name: "Set a password" })).toHaveAttribute(
    "href",
    "/account#password",
  );
});
