import type { Store } from "../../core/store.ts";
import type { kernelTable } from "../kernels/index.ts";
import type { imageTable } from "./image-table.ts";

/** As much of the store as the verbs on images need. */
export type ImageStore = Store<{ readonly kernels: typeof kernelTable; readonly images: typeof imageTable }>;
