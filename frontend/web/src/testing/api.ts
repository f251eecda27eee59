import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import type { components } from "@/api/schema";
import { apiBase } from "@/lib/paths";
import { ada } from "./data";

type Problem = components["schemas"]["Problem"];
type Answer = object;

/** Stands for the platform in component tests: each test says what it answers. */
export const server = setupServer();

type Give = (received: Received) => Answer;

export interface Received {
  url: URL;
  headers: Headers;
  body: unknown;
}

/** Answer a request of the API; the requests that came are returned. */
export function answer(
  method: "get" | "post" | "put" | "patch" | "delete",
  path: string,
  give: Answer | Give,
): Received[] {
  const received: Received[] = [];
  server.use(
    http[method](`${window.location.origin}${apiBase}${path}`, async ({ request }) => {
      const text = await request.text();
      const one = {
        url: new URL(request.url),
        headers: request.headers,
        body: text ? (JSON.parse(text) as unknown) : undefined,
      };
      received.push(one);
      const given = typeof give === "function" ? (give as Give)(one) : give;
      return given instanceof Response ? given : Response.json(given);
    }),
  );
  return received;
}

/** A problem as the platform sends it. */
export function problem(status: number, detail: string, more: Partial<Problem> = {}): Response {
  return HttpResponse.json({ title: "Not possible", status, detail, ...more }, { status });
}

/** The events of a server's start, as the platform streams them. */
export function events(...list: object[]): Response {
  const text = list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  return new HttpResponse(text, { headers: { "Content-Type": "text/event-stream" } });
}

/** Sign somebody in. */
export function signedIn(me = ada): void {
  answer("get", "/me", me);
  answer("get", "/announcements/current", { items: [] });
}
