import { Dialog, Notification, showDialog } from "@jupyterlab/apputils";
import type { CodeCell, ICodeCellModel, MarkdownCell } from "@jupyterlab/cells";
import type { INotebookCellExecutor } from "@jupyterlab/notebook";

import { isMissing, RequestError } from "../core/errors";
import { encodePath, server } from "../core/server";
import type { ICollegium } from "../core/token";
import type { Queue, RunRequest } from "./queue";

type Options = INotebookCellExecutor.IRunCellOptions;

const ASK_MS = 2000;
const ARRIVE_MS = 200;
const ARRIVE_ATTEMPTS = 25;

/**
 * Runs cells on the server: it goes on when every browser is closed, and it waits for the kernel by itself, so that
 * running a cell before the kernel has started is not lost.
 */
export class ServerExecutor implements INotebookCellExecutor {
  /** The last hand-in of each document: the next one waits for its answer, so that cells stand in line in order. */
  private readonly handIns = new Map<string, Promise<unknown>>();

  constructor(private readonly collegium: ICollegium) {}

  async runCell(options: Options): Promise<boolean> {
    const { cell, onCellExecuted } = options;
    if (cell.model.type === "markdown") {
      (cell as MarkdownCell).rendered = true;
      cell.inputHidden = false;
      onCellExecuted({ cell, success: true });
      return true;
    }
    return cell.model.type === "code" ? this.runCode(options) : true;
  }

  private async runCode(options: Options): Promise<boolean> {
    const { cell, sessionContext, onCellExecuted, onCellExecutionScheduled } = options;
    const model = cell.model as ICodeCellModel;
    if (!sessionContext) return true;
    if (!model.sharedModel.getSource().trim()) {
      model.sharedModel.transact(() => model.clearExecution());
      return true;
    }
    if (sessionContext.isReady && sessionContext.hasNoKernel && !(await chooseKernel(options))) return true;
    onCellExecutionScheduled({ cell });
    try {
      const request = await this.inTurn(sessionContext.path, () => this.submit(options, cell as CodeCell));
      const done = await this.finished(request);
      onCellExecuted({ cell, success: done.status === "ok" });
      if (done.status === "aborted" && done.reason) {
        Notification.info(`A cell did not run: ${done.reason}`, { autoClose: 5000 });
      }
      return done.status === "ok";
    } catch (error) {
      onCellExecuted({ cell, success: false });
      if (!cell.isDisposed) {
        const message = error instanceof Error ? error.message : String(error);
        Notification.error(`The cell was not run. ${message}`, { autoClose: false });
      }
      return false;
    }
  }

  private inTurn<T>(path: string, handIn: () => Promise<T>): Promise<T> {
    const turn = (this.handIns.get(path) ?? Promise.resolve()).then(handIn);
    this.handIns.set(
      path,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** Hand the cell in. One that was just made may not have arrived at the server: it is tried for a while. */
  private async submit(
    { sessionContext, notebookConfig, notebook }: Options,
    cell: CodeCell,
  ): Promise<RunRequest> {
    const spec = notebook.getMetadata("kernelspec") as { name?: string } | undefined;
    const body = {
      cells: [{ id: cell.model.sharedModel.getId(), code: cell.model.sharedModel.getSource() }],
      record_timing: notebookConfig.recordTiming,
      ...(spec?.name ? { kernel_name: spec.name } : {}),
    };
    const address = `api/collaboration/run/${encodePath(sessionContext!.path)}`;
    for (let attempt = 1; ; attempt++) {
      try {
        const made = await server<{ requests: RunRequest[] }>(this.collegium.settings, "POST", address, body);
        return made.requests[0]!;
      } catch (error) {
        if (!isMissing(error) || attempt >= ARRIVE_ATTEMPTS) throw error;
        await pause(ARRIVE_MS);
      }
    }
  }

  /** Wait for the end of a request: told by the server's events, asked for now and then in case one was missed. */
  private async finished(request: RunRequest): Promise<RunRequest> {
    const { settings, events } = this.collegium;
    for (let now = request; ;) {
      if (now.state === "done") return now;
      await new Promise<void>((resolve) => {
        const timer = window.setTimeout(done, ASK_MS);
        const listener = (_: unknown, event: { type: string }) => {
          if (event.type === "queue" && !holds(event as unknown as Queue, request)) done();
        };
        function done(): void {
          window.clearTimeout(timer);
          events.received.disconnect(listener);
          resolve();
        }
        events.received.connect(listener);
      });
      try {
        now = await server<RunRequest>(settings, "GET", `api/collaboration/requests/${request.id}`);
      } catch (error) {
        // Away for a moment: the server goes on meanwhile. A request that it does not know any more is lost.
        if (!(error instanceof RequestError) || error.status === 404) throw error;
      }
    }
  }
}

const holds = (queue: Queue, request: RunRequest) =>
  queue.path !== request.path || queue.requests.some((each) => each.id === request.id);
const pause = (milliseconds: number) => new Promise((resolve) => window.setTimeout(resolve, milliseconds));

async function chooseKernel({ sessionContext, sessionDialogs }: Options): Promise<boolean> {
  if (sessionContext!.isTerminating) {
    await showDialog({
      title: "Kernel Terminating",
      body: "The kernel is being shut down. Run the cell again when it has ended.",
      buttons: [Dialog.okButton()],
    });
    return false;
  }
  const mustSelect = await sessionContext!.startKernel();
  if (mustSelect && sessionDialogs) await sessionDialogs.selectKernel(sessionContext!);
  return !sessionContext!.hasNoKernel;
}
