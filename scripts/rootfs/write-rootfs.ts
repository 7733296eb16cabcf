import { mkdtemp, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatBytes, parseBytes } from "../../src/lib/bytes.ts";
import { asBangerError } from "../../src/lib/errors.ts";
import type { ProgressEvent } from "../../src/lib/progress.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { readAgent } from "../../src/nouns/images/agent/agent-program.ts";
import { writeRootfs } from "../../src/nouns/images/rootfs/write-rootfs.ts";

/** write-rootfs.ts REFERENCE OUT [--size SIZE]: a container image as a root file system with banger's agent in it. */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { size: { type: "string" } } });
const [reference, out] = positionals;
if (reference === undefined || out === undefined) {
  console.error("usage: write-rootfs.ts REFERENCE OUT [--size SIZE]");
  process.exit(2);
}

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());
const { signal } = interrupted;
const progress = ({ label, status }: ProgressEvent): void => {
  if (status === "done") console.error(label);
};

const target = resolve(out);
const work = await mkdtemp(join(dirname(target), ".rootfs-"));
try {
  await using source = await openImageSource(parseReference(reference), signal);
  const resolved = await resolveImage(source, { signal });
  const agent = await readAgent(join(import.meta.dirname, "../../build/bin/banger-vsock-agent"));
  const path = join(work, "rootfs.ext4");
  const program = join(import.meta.dirname, "../../src/nouns/images/rootfs/main.ts");
  const plan = { path, resolved, source, blobs: new BlobStore(join(work, "blobs")), agent, program };
  const size = values.size === undefined ? {} : { sizeBytes: parseBytes(values.size) };
  const { system } = await writeRootfs({ ...plan, ...size }, { signal, progress });
  const occupied = (await stat(path)).blocks * 512;
  // Renamed into place, so that a VM that runs from an older one keeps it.
  await rename(path, target);
  console.error(
    `${system.osName ?? "a system without os-release"}, init: ${system.init}, ${formatBytes(occupied)} on disk`,
  );
  console.log(target);
} catch (error) {
  const { what, why, fix } = asBangerError(error);
  console.error(`write-rootfs: ${what}${why === undefined ? "" : `: ${why}`}\n  ${fix}`);
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}
