import { screen, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { answer, problem, signedIn } from "@/testing/api";
import { ada, emmy } from "@/testing/data";
import { renderApp } from "@/testing/render";

const admin = { ...ada, is_admin: true };

beforeEach(() => {
  signedIn(admin);
  answer("get", "/users", { items: [admin, emmy] });
  answer("get", "/sign-up-invitations", { items: [] });
});

test("the page is for administrators", async () => {
  signedIn(ada);
  renderApp("/admin/users");
  expect(await screen.findByRole("heading", { name: "For administrators" })).toBeVisible();
});

test("a new account comes with the link that its holder signs in with", async () => {
  const url = "http://platform.test/hub/sign-in?link=once";
  const posted = answer("post", "/users", {
    ...emmy,
    name: "sofia",
    display_name: "Sofia",
    sign_in_link: { url, expires_at: "2026-03-02T09:00:00Z" },
  });
  const { user } = renderApp("/admin/users");
  await user.click(await screen.findByRole("button", { name: "New user" }));
  await user.type(await screen.findByLabelText("User name"), "sofia");
  await user.click(screen.getByRole("button", { name: "Create user" }));
  expect(await screen.findByLabelText("Link")).toHaveValue(url);
  expect(posted[0]?.body).toEqual({ name: "sofia", is_admin: false });
});

test.each(["Sofia", "sofia kovalevskaya", "-sofia", "sófia"])("“%s” is not a user name", async (name) => {
  const posted = answer("post", "/users", emmy);
  const { user } = renderApp("/admin/users");
  await user.click(await screen.findByRole("button", { name: "New user" }));
  await user.type(await screen.findByLabelText("User name"), name);
  await user.click(screen.getByRole("button", { name: "Create user" }));
  expect(await screen.findByText(/Lowercase letters, digits/)).toBeVisible();
  expect(posted).toHaveLength(0);
});

test("a name that is taken is said at the form, which keeps what was typed", async () => {
  answer("post", "/users", () => problem(409, "There is a user “emmy” already."));
  const { user } = renderApp("/admin/users");
  await user.click(await screen.findByRole("button", { name: "New user" }));
  await user.type(await screen.findByLabelText("User name"), "emmy");
  await user.click(screen.getByRole("button", { name: "Create user" }));
  expect(await screen.findByText("There is a user “emmy” already.")).toBeVisible();
  expect(screen.getByLabelText("User name")).toHaveValue("emmy");
});

test("deactivating asks first, and one's own rights cannot be taken away", async () => {
  const patched = answer("patch", "/users/emmy", { ...emmy, is_active: false });
  const { user } = renderApp("/admin/users");
  await user.click(await screen.findByRole("button", { name: "Actions for Ada Lovelace" }));
  expect(await screen.findByRole("menuitem", { name: "Deactivate" })).toBeDisabled();
  await user.keyboard("{Escape}");
  await user.click(screen.getByRole("button", { name: "Actions for Emmy Noether" }));
  await user.click(await screen.findByRole("menuitem", { name: "Deactivate" }));
  expect(patched).toHaveLength(0);
  await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Deactivate" }));
  await screen.findByRole("button", { name: "Actions for Emmy Noether" });
  expect(patched[0]?.body).toEqual({ is_active: false });
});

test("the search asks the platform, page by page", async () => {
  const sofia = { ...emmy, name: "sofia", display_name: "Sofia Kovalevskaya" };
  const asked = answer("get", "/users", ({ url }) =>
    url.searchParams.get("search") ? { items: [sofia] } : { items: [admin, emmy], next_cursor: "emmy" },
  );
  const { user } = renderApp("/admin/users");
  await screen.findByText("Emmy Noether");
  expect(screen.getByRole("button", { name: "Show more users" })).toBeVisible();
  await user.type(screen.getByLabelText("Search users"), "koval");
  expect(await screen.findByText("Sofia Kovalevskaya")).toBeVisible();
  expect(screen.queryByText("Emmy Noether")).not.toBeInTheDocument();
  expect(asked.at(-1)?.url.searchParams.get("search")).toBe("koval");
});

test("a table is shown before it is done, and nothing is done while a line is wrong", async () => {
  const rows = [
    { line: 2, name: "sofia", action: "create", message: "" },
    { line: 3, name: "Bad Name", action: "error", message: "user names have lowercase letters" },
  ];
  const counts = { created: 1, updated: 0, unchanged: 0, is_done: false };
  const posted = answer("post", "/user-table", ({ body }) =>
    (body as { csv: string }).csv.includes("Bad")
      ? { ...counts, rows, errors: 1 }
      : { ...counts, rows: rows.slice(0, 1), errors: 0 },
  );
  const { user } = renderApp("/admin/users");
  await user.click(await screen.findByRole("button", { name: "From CSV" }));
  const table = await screen.findByLabelText("Table");
  await user.type(table, "name{enter}sofia{enter}Bad Name");
  await user.click(screen.getByRole("button", { name: "Preview" }));
  expect(await screen.findByText("user names have lowercase letters")).toBeVisible();
  expect(screen.getByRole("button", { name: "Make the accounts" })).toBeDisabled();
  await user.clear(table);
  await user.type(table, "name{enter}sofia");
  await user.click(screen.getByRole("button", { name: "Preview" }));
  await user.click(await screen.findByRole("button", { name: "Make 1, change 0" }));
  expect(posted.map(({ body }) => (body as { is_preview: boolean }).is_preview)).toEqual([true, true, false]);
});
