import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { answer, signedIn } from "@/testing/api";
import { ada, summary } from "@/testing/data";
import { renderApp } from "@/testing/render";

test("an administrator sees everybody's projects, and opens only those where they are a member", async () => {
  signedIn({ ...ada, is_admin: true });
  const asked = answer("get", "/projects", {
    items: [summary(), summary({ id: "p2", name: "Somebody else's", role: null, member_count: 1 })],
  });
  renderApp("/admin/projects");
  const [own, foreign] = (await screen.findAllByRole("listitem")).map((row) => within(row));
  expect(asked[0]?.url.searchParams.get("everybody")).toBe("true");
  expect(own?.getByRole("link", { name: /^Open/ })).toBeVisible();
  expect(foreign?.queryByRole("link", { name: /^Open/ })).not.toBeInTheDocument();
  expect(foreign?.getByRole("link", { name: "Somebody else's" })).toHaveAttribute("href", "/projects/p2");
});

test("other people are told that the page is not for them, and nothing is asked for", async () => {
  signedIn(ada);
  const asked = answer("get", "/projects", { items: [] });
  renderApp("/admin/projects");
  expect(await screen.findByRole("heading", { name: "For administrators" })).toBeVisible();
  expect(asked).toHaveLength(0);
});
