import { z } from "zod";
import { defineTable, holdsBy } from "../../core/table.ts";
import { imageSchema } from "../../model/image.ts";
import { describedFolders } from "../../model/layout.ts";

/** As much of an image as says what it needs. */
const needs = z.object({
  kernel: z.string(),
  layers: z.array(z.object({ digest: z.string() })),
  rootfs: z.object({ path: z.string() }),
  workSeed: z.object({ path: z.string() }).optional(),
  files: z.array(z.object({ path: z.string() })).default([]),
});

export const imageTable = defineTable({
  table: "images",
  noun: "image",
  singular: "image",
  notFound: "IMAGE_NOT_FOUND",
  listCommand: "banger image list",
  schema: imageSchema,
  steps: {
    /** Files of the user's, looked at anew. */
    restamped: { from: "any" },
    promoted: { from: "any" },
    refreshed: { from: "any" },
    /** It boots another kernel, or its kernel has another name. */
    "kernel-changed": { from: "any" },
    /** It was pulled from what had just been built. */
    built: { from: "any" },
  },
  holds: holdsBy(needs, ({ kernel, layers, rootfs, workSeed, files }) => [
    { kind: "kernel", ref: kernel },
    ...layers.map(({ digest }) => ({ kind: "blob", ref: digest })),
    ...[rootfs, ...(workSeed === undefined ? [] : [workSeed]), ...files].map(({ path }) => ({
      kind: "file",
      ref: path,
    })),
  ]),
  folder: (layout) => describedFolders(layout).images,
});
