/** Addresses outside the web app's own routes. */

/** Where the web app is served, with the final slash. */
export const appBase = import.meta.env.BASE_URL;

export const apiBase = `${appBase}api`;
export const signOutUrl = "/hub/logout";

/** Address that signs in and then comes back to `returnTo` (a path of this site). */
export function signInUrl(returnTo: string): string {
  return `${appBase}login?next=${encodeURIComponent(returnTo)}`;
}

/**
 * Address of JupyterLab on a project's server.
 *
 * @param serverUrl path of the server, as the API gives it
 * @param file path of a file in the project to open, or undefined for the last layout
 */
export function labUrl(serverUrl: string, file?: string): string {
  const base = serverUrl.endsWith("/") ? serverUrl : `${serverUrl}/`;
  if (!file) return `${base}lab`;
  const path = file
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .map(encodeURIComponent)
    .join("/");
  return `${base}lab/tree/${path}`;
}
