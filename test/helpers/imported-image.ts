import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ext4Writer, type Ext4Options } from "../../src/ext4/writer.ts";
import { gib } from "../../src/lib/bytes.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { importImage } from "../../src/oci/layers/import-image.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { TestImage } from "./ext4-image.ts";

/** Imports a layout's image into an ext4 file, as a pull does, without the agent; `name` says which image, where there are several. */
export async function importToExt4(
  folder: string,
  options: Partial<Ext4Options> = {},
  name?: string,
): Promise<TestImage> {
  const image = await TestImage.empty();
  const blobs = await mkdtemp(join(tmpdir(), "banger-blobs-"));
  const { signal } = new AbortController();
  try {
    await using source = await openImageSource({ kind: "oci", path: folder, name }, signal);
    const resolved = await resolveImage(source, { signal });
    const size = { sizeBytes: gib(8), maxSizeBytes: gib(64), minFreeBytes: gib(1), durable: false };
    const identity = Buffer.from(resolved.digest);
    await using writer = await Ext4Writer.create(image.path, { identity, ...size, ...options });
    using tree = new FileTree(blobs);
    await importImage(resolved, source, new BlobStore(blobs), tree, writer, {
      signal,
      progress: noProgress,
    });
    await writer.finish(tree);
    return image;
  } catch (error) {
    await image[Symbol.asyncDispose]();
    throw error;
  } finally {
    await rm(blobs, { recursive: true, force: true });
  }
}
