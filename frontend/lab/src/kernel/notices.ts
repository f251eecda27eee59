import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import type { ServiceManager } from "@jupyterlab/services";

import { server } from "../core/server";
import type { ICollegium } from "../core/token";
import { noticesOf, type Notice } from "./rules";
import type { KernelModel } from "./usage";

const LOOK_MS = 5000;

/** Tell, on every page of the project, what kernels wait for and which idle ones end soon. */
export function tellOfKernels(app: JupyterFrontEnd, collegium: ICollegium): void {
  const shown = new Map<string, { id: string; text: string }>();
  const look = async (): Promise<void> => {
    if (document.hidden) return;
    let kernels: KernelModel[];
    try {
      kernels = await server<KernelModel[]>(collegium.settings, "GET", "api/kernels");
    } catch {
      return; // the server is away: the page says so elsewhere
    }
    const names = app.serviceManager.kernelspecs.specs?.kernelspecs ?? {};
    const notices = noticesOf(kernels, (name) => names[name]?.display_name ?? name);
    for (const [key, { id }] of shown) {
      if (!notices.some((notice) => notice.key === key)) {
        Notification.dismiss(id);
        shown.delete(key);
      }
    }
    for (const notice of notices) show(notice, shown, app.serviceManager, collegium.rights.mayExecute);
  };
  window.setInterval(() => void look(), LOOK_MS);
}

function show(
  notice: Notice,
  shown: Map<string, { id: string; text: string }>,
  manager: ServiceManager.IManager,
  mayKeep: boolean,
): void {
  const before = shown.get(notice.key);
  if (before) {
    if (before.text !== notice.text) {
      before.text = notice.text;
      Notification.update({ id: before.id, message: notice.text });
    }
    return;
  }
  const keep = { label: "Keep it", callback: () => void keepAlive(manager, notice.kernel) };
  const id = notice.ends
    ? Notification.warning(notice.text, { autoClose: false, actions: mayKeep ? [keep] : [] })
    : Notification.info(notice.text, { autoClose: false });
  shown.set(notice.key, { id, text: notice.text });
}

/** Have the kernel run nothing: that counts as use. */
async function keepAlive(manager: ServiceManager.IManager, id: string): Promise<void> {
  const model = await manager.kernels.findById(id);
  if (!model) return;
  const connection = manager.kernels.connectTo({ model });
  try {
    await connection.requestExecute({ code: "", silent: true, store_history: false }).done;
  } finally {
    connection.dispose();
  }
}
