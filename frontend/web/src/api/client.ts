import createClient, { type Middleware } from "openapi-fetch";
import { apiBase, signInUrl } from "@/lib/paths";
import { ApiError, errorFromAnswer, unreachable } from "./errors";
import type { paths } from "./schema";

const REDIRECTED_AT = "collegium-sign-in-redirect";
const LOOP_SECONDS = 10;
let isLeaving = false;

/** The API, typed by the platform's OpenAPI document. */
export const api = createClient<paths>({
  baseUrl: `${window.location.origin}${apiBase}`,
  // Looked up at each call, so that tests can put their own in its place.
  fetch: (request) => globalThis.fetch(request),
});

const conventions: Middleware = {
  onRequest({ request }) {
    // A page of another site cannot set this header: it is what tells our requests from forged ones.
    request.headers.set("X-Collegium-Client", "web");
  },
  async onResponse({ request, response }) {
    if (response.status !== 401) return undefined;
    // A refused change may be about a password in it rather than about the session.
    if (request.method !== "GET" && (await isSignedIn())) return undefined;
    return signIn();
  },
  onError: ({ error }) => (isAbort(error) ? undefined : unreachable()),
};
api.use(conventions);

/**
 * Return the data of an answer, or throw what went wrong.
 *
 * @throws ApiError
 */
export async function unwrap<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorFromAnswer(response.status, error);
  return data as T;
}

async function isSignedIn(): Promise<boolean> {
  const answer = await globalThis.fetch(`${apiBase}/me`);
  return answer.ok;
}

/** Leave for the sign-in page; the promise stays open, so that nothing flickers on the way out. */
function signIn(): Promise<never> {
  // Several requests may learn of it at once; the first one acts.
  if (isLeaving) return new Promise(() => undefined);
  const last = Number(sessionStorage.getItem(REDIRECTED_AT) ?? 0);
  if (Date.now() - last < LOOP_SECONDS * 1000) {
    sessionStorage.removeItem(REDIRECTED_AT);
    throw new ApiError(
      "Signing in did not last",
      "Allow cookies for this site in your browser, then try again.",
      401,
    );
  }
  isLeaving = true;
  sessionStorage.setItem(REDIRECTED_AT, String(Date.now()));
  window.location.assign(signInUrl(window.location.pathname + window.location.search + window.location.hash));
  return new Promise(() => undefined);
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
