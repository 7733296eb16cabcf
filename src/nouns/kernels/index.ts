/** What nouns above may use of kernels. */
export type { KernelVerbs } from "./kernel-verbs.ts";
export { kernelTable } from "./kernel-table.ts";
export { newerName } from "./update-kernel.ts";
