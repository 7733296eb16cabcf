import { defineTable } from "../../core/table.ts";
import { describedFolders } from "../../model/layout.ts";
import { volumeSchema } from "../../model/volume.ts";

export const volumeTable = defineTable({
  table: "volumes",
  noun: "volume",
  singular: "volume",
  notFound: "VOLUME_NOT_FOUND",
  listCommand: "banger volume list",
  schema: volumeSchema,
  steps: { resized: { from: "any" } },
  folder: (layout) => describedFolders(layout).volumes,
});
