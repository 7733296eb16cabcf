import type { Store } from "../../core/store.ts";
import type { Image } from "../../model/image.ts";
import type { kernelTable } from "./kernel-table.ts";

/** As much of the store as the verbs on kernels need: of images, that they name a kernel, and may name another. */
export type KernelStore = Store<{ readonly kernels: typeof kernelTable }> & {
  readonly images: {
    list(): readonly Pick<Image, "id" | "kernel">[];
    transition(id: string, step: "kernel-changed", change: Pick<Image, "kernel">): unknown;
  };
};
