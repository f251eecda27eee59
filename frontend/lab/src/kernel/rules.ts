/** What people are told of kernels without asking. Pure. */

import type { KernelModel } from "./usage";

/** One thing to tell; the same key means the same notice with another text. */
export interface Notice {
  key: string;
  kernel: string;
  text: string;
  ends: boolean;
}

/**
 * What kernels wait for, and which idle ones end soon.
 *
 * @param kernels as `GET api/kernels` has them
 * @param title what people call a kernelspec
 */
export function noticesOf(kernels: KernelModel[], title: (name: string) => string): Notice[] {
  return kernels.flatMap((kernel): Notice[] => {
    if (kernel.execution_state === "starting" && kernel.reason) {
      const text = `${title(kernel.name)} waits. ${kernel.reason}`; // JupyterLab shows 140 characters
      return [{ key: `waits ${kernel.id}`, kernel: kernel.id, text, ends: false }];
    }
    if (kernel.ends_in_seconds !== undefined) {
      const minutes = Math.ceil(kernel.ends_in_seconds / 60);
      const when = minutes <= 1 ? "within a minute" : `in ${minutes} minutes`;
      const text = `A kernel, ${title(kernel.name)}, is idle and will be stopped ${when}. Its variables go with it.`;
      return [{ key: `ends ${kernel.id}`, kernel: kernel.id, text, ends: true }];
    }
    return [];
  });
}
