import { screen, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { answer, problem, signedIn } from "@/testing/api";
import { ada, emmy } from "@/testing/data";
import { renderApp } from "@/testing/render";

const admin = { ...ada, is_admin: true };

beforeEach(() => {
  signedIn(admin);
  answer("get", "/users", { items: [admin, emmy] });
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

test("the filter finds people on pages that were not shown yet", async () => {
  const sofia = { ...emmy, name: "sofia", display_name: "Sofia Kovalevskaya" };
  answer("get", "/users", ({ url }) =>
    url.searchParams.get("cursor") ? { items: [sofia] } : { items: [admin, emmy], next_cursor: "c2" },
  );
  const { user } = renderApp("/admin/users");
  await screen.findByText("Emmy Noether");
  await user.type(screen.getByLabelText("Filter users"), "koval");
  expect(await screen.findByText("Sofia Kovalevskaya")).toBeVisible();
  expect(screen.queryByText("Emmy Noether")).not.toBeInTheDocument();
});
