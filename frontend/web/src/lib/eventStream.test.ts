import { expect, test } from "vitest";
import { eventData } from "./eventStream";

function streamOf(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks)
        controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
      controller.close();
    },
  });
}

async function collect(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  const found: string[] = [];
  for await (const data of eventData(streamOf(...chunks))) found.push(data);
  return found;
}

test("each event is yielded once, in order", async () => {
  expect(await collect("data: one\n\ndata: two\n\n")).toEqual(["one", "two"]);
});

test("an event may arrive in pieces, also within a letter and within a line break", async () => {
  const bytes = new TextEncoder().encode("data: größer\r\n\r\ndata: next\n\n");
  const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
  expect(await collect(...pieces)).toEqual(["größer", "next"]);
});

test("several data lines of one event are joined", async () => {
  expect(await collect("data: a\ndata: b\n\n")).toEqual(["a\nb"]);
});

test("comments and other fields are not data", async () => {
  expect(await collect(": keep-alive\n\nevent: progress\nid: 3\ndata:x\n\n")).toEqual(["x"]);
});

test("an event that the connection cut off is dropped", async () => {
  expect(await collect('data: {"ready": tr')).toEqual([]);
});

test("stopping early closes the connection", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: again\n\n")),
    cancel: () => void (isCancelled = true),
  });
  for await (const data of eventData(stream)) {
    expect(data).toBe("again");
    break;
  }
  expect(isCancelled).toBe(true);
});
