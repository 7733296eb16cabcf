import { defineTable } from "../../core/table.ts";
import { kernelSchema } from "../../model/kernel.ts";
import { describedFolders } from "../../model/layout.ts";

export const kernelTable = defineTable({
  table: "kernels",
  noun: "kernel",
  singular: "kernel",
  notFound: "KERNEL_NOT_FOUND",
  listCommand: "banger kernel list",
  schema: kernelSchema,
  steps: {
    /** A newer version has taken its name. */
    renamed: { from: "any" },
    /** It goes with its image no longer. */
    released: { from: "any" },
  },
  folder: (layout) => describedFolders(layout).kernels,
});
