import { expect, test } from "vitest";

import { noticesOf } from "./rules";

const title = (name: string): string => (name === "gpu" ? "Python with a GPU" : name);

test("a kernel that waits tells for what, and one that runs tells nothing", () => {
  const reason = "No node has room for the kernel: a free GPU is missing. Place 2 of 5 in the queue.";
  const notices = noticesOf(
    [
      { id: "a", name: "gpu", execution_state: "starting", reason },
      { id: "b", name: "python3", execution_state: "starting", reason: "" },
      { id: "c", name: "python3", execution_state: "idle" },
    ],
    title,
  );
  expect(notices).toEqual([
    {
      key: "waits a",
      kernel: "a",
      text: `Python with a GPU waits. ${reason}`,
      ends: false,
    },
  ]);
});

test("an idle kernel warns before it is stopped", () => {
  const of = (seconds: number): string | undefined =>
    noticesOf([{ id: "a", name: "gpu", execution_state: "idle", ends_in_seconds: seconds }], title)[0]?.text;
  expect(of(290)).toContain("will be stopped in 5 minutes");
  expect(of(0)).toContain("will be stopped within a minute");
});
