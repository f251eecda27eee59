import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { answer, problem, signedIn } from "@/testing/api";
import { ada } from "@/testing/data";
import { renderApp } from "@/testing/render";

async function setPassword(current: string | undefined, fresh: string, again: string) {
  const { user } = renderApp("/account");
  await screen.findByLabelText("New password");
  if (current) await user.type(screen.getByLabelText("Current password"), current);
  await user.type(screen.getByLabelText("New password"), fresh);
  await user.type(screen.getByLabelText("New password again"), again);
  await user.click(screen.getByRole("button", { name: /^(Set|Change) password$/ }));
}

test("the first password needs no current one", async () => {
  signedIn({ ...ada, has_password: false });
  const patched = answer("patch", "/me", ada);
  await setPassword(undefined, "three green owls", "three green owls");
  expect(await screen.findByText("Your password was saved.")).toBeVisible();
  expect(patched[0]?.body).toEqual({ password: { new: "three green owls" } });
});

test.each([
  ["short", "short", "Use at least 10 characters."],
  ["three green owls", "three green owl", "The two passwords differ."],
])("“%s” and “%s”: %s", async (fresh, again, message) => {
  signedIn();
  const patched = answer("patch", "/me", ada);
  await setPassword("my old password", fresh, again);
  expect(await screen.findByText(message)).toBeVisible();
  expect(patched).toHaveLength(0);
});

test("a wrong current password is said at its field and does not sign out", async () => {
  signedIn();
  answer("patch", "/me", () => problem(401, "Wrong user name or password."));
  await setPassword("guess", "three green owls", "three green owls");
  expect(await screen.findByText("This is not the password you have now.")).toBeVisible();
});

test("a changed name is saved", async () => {
  signedIn();
  const patched = answer("patch", "/me", { ...ada, display_name: "Ada King" });
  const { user } = renderApp("/account");
  const field = await screen.findByLabelText("Display name");
  expect(screen.getByRole("button", { name: "Save name" })).toBeDisabled();
  await user.clear(field);
  await user.type(field, "Ada King");
  await user.click(screen.getByRole("button", { name: "Save name" }));
  expect(await screen.findByText("Your name was saved.")).toBeVisible();
  expect(patched[0]?.body).toEqual({ display_name: "Ada King" });
});
