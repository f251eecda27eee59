/** Whether what was typed is safe. Pure. */

/** What is known about a document's edits. */
export interface SaveFacts {
  /** Whether the document's room is connected. */
  connected: boolean;
  /** How many of this browser's own changes there are (Yjs' clock of the client). */
  own: number;
  /** How many of them are durable on the server, as far as it has told. */
  durable: number;
  /** Why the server cannot save; empty when it can. */
  problem: string;
  mayWrite: boolean;
}

export type SaveState = "saved" | "saving" | "offline" | "problem" | "viewing";

/** The state that is shown. Never "saved" without the server's word. */
export function saveState(facts: SaveFacts): SaveState {
  if (!facts.connected) return "offline";
  if (!facts.mayWrite) return "viewing";
  if (facts.problem) return "problem";
  if (facts.own <= facts.durable) return "saved";
  return "saving";
}

const WORDS: Record<SaveState, [string, string]> = {
  saved: ["Saved", "Everything you typed is stored on the server."],
  saving: ["Saving…", "Your last changes are on their way to the server."],
  offline: [
    "Offline: kept here",
    "No connection. What you type is kept in this tab and sent when the connection is back: leave the tab open.",
  ],
  problem: ["Not saved", "The server cannot store the document now; it tries again."],
  viewing: ["Viewing", "You may look at this project; you see changes as they are made."],
};

/** A short and a long way of saying it. */
export function saveWords(state: SaveState, problem = ""): { short: string; long: string } {
  const [short, long] = WORDS[state];
  return { short, long: state === "problem" && problem ? `${long} Reason: ${problem}` : long };
}
