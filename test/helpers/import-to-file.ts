import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ext4Writer } from "../../src/ext4/writer.ts";
import { gib, mib } from "../../src/lib/bytes.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { importImage } from "../../src/oci/layers/import-image.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";

/**
 * A program of its own, for tests that import under other circumstances: `import-to-file.ts REFERENCE FILE [DAY]`.
 *
 * @param day what the clock shall say it is, from the first look at it on.
 */
async function importToFile(reference: string, file: string, day: string): Promise<void> {
  if (day !== "") pretend(Date.parse(day));
  const { signal } = new AbortController();
  const blobs = await mkdtemp(join(tmpdir(), "banger-blobs-"));
  try {
    await using source = await openImageSource(parseReference(reference), signal);
    const image = await resolveImage(source, { signal });
    const options = { sizeBytes: mib(256), maxSizeBytes: gib(16), durable: false };
    await using writer = await Ext4Writer.create(file, { identity: Buffer.from(image.digest), ...options });
    using tree = new FileTree(blobs);
    await importImage(image, source, new BlobStore(blobs), tree, writer, { signal, progress: noProgress });
    await writer.finish(tree);
  } finally {
    await rm(blobs, { recursive: true, force: true });
  }
}

/** Sets the clock that programs look at: `Date`, with and without arguments. */
function pretend(now: number): void {
  const real = Date.now;
  const offset = now - real();
  globalThis.Date = new Proxy(Date, {
    construct: (target, args: unknown[]) => Reflect.construct(target, args.length === 0 ? [real() + offset] : args),
    get: (target, key, receiver) => (key === "now" ? () => real() + offset : Reflect.get(target, key, receiver)),
  });
}

await importToFile(process.argv[2] ?? "", process.argv[3] ?? "", process.argv[4] ?? "");
