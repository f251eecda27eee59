/**
 * Yield the data of each event of a `text/event-stream` body.
 *
 * `EventSource` does the same but hides the status and the body of an answer that is an error.
 */
export async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      pending += decoder.decode(value, { stream: !done });
      // A carriage return at the end may be half of a line break: wait for the rest.
      const end = done || !pending.endsWith("\r") ? pending.length : pending.length - 1;
      const events = pending.slice(0, end).replace(/\r\n?/g, "\n").split("\n\n");
      pending = (events.pop() ?? "") + pending.slice(end);
      for (const event of events) {
        const data = dataOf(event);
        if (data !== undefined) yield data;
      }
      if (done) return;
    }
  } finally {
    // The caller may stop early: do not keep the connection.
    await reader.cancel();
  }
}

function dataOf(event: string): string | undefined {
  const lines = event.split("\n").filter((line) => line.startsWith("data:"));
  if (lines.length === 0) return undefined;
  return lines.map((line) => line.slice("data:".length).replace(/^ /, "")).join("\n");
}
