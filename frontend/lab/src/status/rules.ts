/** What people are told of a server that has stopped. Pure. */

/** What is said of a tab that stays open. */
export const KEPT = "What you typed is kept in this tab, and is sent when the server runs again.";
const GOES_ON = "This page goes on by itself when it runs again.";

/**
 * What to say of a server that has stopped, and whether to offer to start it.
 *
 * @param capabilities what the person may do in the project; none when they are no member any more
 */
export function stopped(capabilities: readonly string[]): { body: string; mayStart: boolean } {
  if (!capabilities.length) {
    const body = "You are not a member of this project any more. Ask one of its owners to add you again.";
    return { body, mayStart: false };
  }
  const then = capabilities.includes("write") ? KEPT : GOES_ON;
  if (capabilities.includes("run_server")) return { body: then, mayStart: true };
  return { body: `One of the project's editors or owners can start it. ${then}`, mayStart: false };
}
