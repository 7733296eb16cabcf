import { intentKind, onwardIntentKind } from "../../core/intents.ts";
import type { Settler } from "../../core/recovery.ts";
import { removeTree } from "../../lib/destroy.ts";
import type { KernelContext } from "./kernel-context.ts";

/** A kernel that is made, until it has its row. */
export const KERNEL_ADD = intentKind("kernel.add");
export const KERNEL_DELETE = onwardIntentKind("kernel.delete");

/** How what a daemon left half-done with kernels is settled. */
export function kernelSettlers({ store, layout }: Pick<KernelContext, "store" | "layout">): readonly Settler[] {
  return [
    {
      kind: KERNEL_ADD,
      settle: async ({ subject }) => {
        if (store.kernels.find(subject) !== undefined) return undefined;
        await removeTree(layout.kernelsDir, subject, "named by the open intent kernel.add; it never got its row");
        return "undid a kernel that was being added";
      },
    },
    {
      kind: KERNEL_DELETE,
      settle: async ({ subject }) => {
        store.kernels.delete(subject);
        await removeTree(layout.kernelsDir, subject, "named by the open intent kernel.delete");
        return "finished deleting a kernel";
      },
    },
  ];
}
