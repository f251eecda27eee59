import { screen } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { answer, problem, signedIn } from "@/testing/api";
import { ada } from "@/testing/data";
import { renderApp } from "@/testing/render";

const at = "2026-03-01T09:00:00Z";

beforeEach(() => {
  answer("get", "/me/sessions", { items: [] });
  answer("get", "/me/tokens", { items: [] });
  answer("get", "/me/providers", { items: [] });
});

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
  const sent = answer("put", "/me/password", ada);
  await setPassword(undefined, "three green owls", "three green owls");
  expect(await screen.findByText("Your password was saved.")).toBeVisible();
  expect(sent[0]?.body).toEqual({ new: "three green owls" });
});

test.each([
  ["short", "short", "Use at least 10 characters."],
  ["three green owls", "three green owl", "The two passwords differ."],
])("“%s” and “%s”: %s", async (fresh, again, message) => {
  signedIn();
  const patched = answer("put", "/me/password", ada);
  await setPassword("my old password", fresh, again);
  expect(await screen.findByText(message)).toBeVisible();
  expect(patched).toHaveLength(0);
});

test("a wrong current password is said at its field and does not sign out", async () => {
  signedIn();
  const errors = [{ field: "current", message: "is not your current password" }];
  answer("put", "/me/password", () => problem(422, "The current password is wrong.", { errors }));
  await setPassword("guess", "three green owls", "three green owls");
  expect(await screen.findByText("This is not the password you have now.")).toBeVisible();
});

test("a changed name is saved", async () => {
  signedIn();
  const patched = answer("patch", "/me", { ...ada, display_name: "Ada King" });
  const { user } = renderApp("/account");
  const field = await screen.findByLabelText("Display name");
  expect(screen.getByRole("button", { name: "Save profile" })).toBeDisabled();
  await user.clear(field);
  await user.type(field, "Ada King");
  await user.click(screen.getByRole("button", { name: "Save profile" }));
  expect(await screen.findByText("Your profile was saved.")).toBeVisible();
  expect(patched[0]?.body).toEqual({ display_name: "Ada King", time_zone: "" });
});

test("another device is signed out, this one is not offered", async () => {
  signedIn();
  const session = { method: "password", address: "192.0.2.7", created_at: at, last_seen_at: at };
  const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1";
  answer("get", "/me/sessions", {
    items: [
      { ...session, id: "s1", is_current: true, user_agent: firefox },
      { ...session, id: "s2", is_current: false, user_agent: safari },
    ],
  });
  const ended = answer("delete", "/me/sessions/s2", () => new Response(null, { status: 204 }));
  const { user } = renderApp("/account");
  expect(await screen.findByText("Firefox on Linux")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Sign out Firefox on Linux" })).not.toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Sign out Safari on iOS" }));
  expect(ended).toHaveLength(1);
});

test("a provider is linked on a page of its own, and one that is linked can be unlinked", async () => {
  signedIn();
  const link_url = "https://example.org/hub/openid/club/link";
  answer("get", "/me/providers", {
    items: [
      { provider: "campus", title: "Campus", is_linked: true, link_url: "" },
      { provider: "club", title: "Club", is_linked: false, link_url },
    ],
  });
  const refused = "It is your only way to sign in. Set a password first.";
  const asked = answer("delete", "/me/providers/campus", () => problem(409, refused));
  const { user } = renderApp("/account");
  expect(await screen.findByRole("link", { name: "Link Club" })).toHaveAttribute("href", link_url);
  await user.click(screen.getByRole("button", { name: "Unlink Campus" }));
  await user.click(await screen.findByRole("button", { name: "Unlink" }));
  expect(await screen.findByText(refused)).toBeVisible();
  expect(asked).toHaveLength(1);
});

test("a fresh token is shown once, with the scopes that were chosen", async () => {
  signedIn();
  const token = {
    id: "t1",
    name: "Backup",
    hint: "clg_abcd",
    scopes: ["read"],
    created_at: at,
    is_expired: false,
  };
  const posted = answer("post", "/me/tokens", {
    ...token,
    expires_at: null,
    last_used_at: null,
    token: "clg_abcdefgh",
  });
  const { user } = renderApp("/account");
  await user.click(await screen.findByRole("button", { name: "New token" }));
  expect(screen.queryByRole("checkbox", { name: "admin" })).not.toBeInTheDocument();
  await user.type(await screen.findByLabelText("What it is for"), "Backup");
  await user.click(screen.getByRole("button", { name: "Make token" }));
  expect(await screen.findByLabelText("Token")).toHaveValue("clg_abcdefgh");
  expect(posted[0]?.body).toEqual({ name: "Backup", scopes: ["read"], expires_in_days: 90 });
});
