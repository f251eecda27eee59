/** What kernels use, from `GET api/kernels`. Pure. */

/** A kernel as the server describes it (kernels/server_extension.py). */
export interface KernelModel {
  id: string;
  name: string;
  execution_state?: string;
  memory_bytes?: number;
  cpu_percent?: number;
  cpu_seconds?: number;
  processes?: number;
  gpus?: number[];
  reason?: string;
  ends_in_seconds?: number;
  last_end?: { kind: string; message: string };
}

/** Memory in bytes and processor use in percent of one core, over all kernels. */
export function total(kernels: KernelModel[]): { memoryBytes: number; cpuPercent: number } {
  return {
    memoryBytes: kernels.reduce((sum, kernel) => sum + (kernel.memory_bytes ?? 0), 0),
    cpuPercent: kernels.reduce((sum, kernel) => sum + (kernel.cpu_percent ?? 0), 0),
  };
}
