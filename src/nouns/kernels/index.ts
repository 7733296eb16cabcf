/** What nouns above may use of kernels. */
export type { KernelService } from "./kernel-service.ts";
export { kernelTable } from "./kernel-table.ts";
export { newerName } from "./update-kernel.ts";
