import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mib } from "../../src/lib/bytes.ts";
import { importToExt4 } from "../helpers/imported-image.ts";
import { listImage } from "../helpers/image-listing.ts";
import { contentOf, layerArchive, LayerModel, layerStack } from "../helpers/layer-model.ts";
import { sha256, TestLayout, type TestCompression } from "../helpers/test-layout.ts";

const packings: readonly TestCompression[] = ["none", "gzip", "zstd"];

/** What is there and what is a hard link of what, as the model has it. */
function expected(model: LayerModel): Map<string, string> {
  const names = new Map<number, string[]>();
  for (const [path, inode] of model.inodes) names.set(inode, [...(names.get(inode) ?? []), path]);
  return new Map(
    [...model.entries].map(([path, entry]) => {
      const links = names.get(model.inodes.get(path) ?? -1)?.length ?? 0;
      return [path, entry === "directory" ? "directory" : `file ${sha256(contentOf(entry))}, ${links} names`];
    }),
  );
}

test("random stacks of layers are on the disk what the model says, and e2fsck is content", async () => {
  await fc.assert(
    fc.asyncProperty(layerStack, fc.nat(), async (layers, packing) => {
      const model = new LayerModel();
      for (const layer of layers) model.apply(layer);
      await using layout = await TestLayout.make(
        layers.map((layer, i) => ({
          tar: layerArchive(layer),
          compression: packings[(packing + i) % packings.length] ?? "none",
        })),
      );
      await using image = await importToExt4(layout.folder, { sizeBytes: mib(64), minFreeBytes: mib(1) });
      await image.assertClean();
      const found = new Map<string, string>();
      for (const [path, entry] of await listImage(image.path)) {
        if (path === "" || path === "lost+found") continue;
        const isFile = entry.type === "file";
        found.set(path, isFile ? `file sha256:${entry.sha256}, ${entry.links} names` : entry.type);
      }
      assert.deepEqual(found, expected(model));
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 25), endOnFailure: false },
  );
});
