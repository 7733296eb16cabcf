import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Ext4Writer } from "../../../ext4/writer.ts";
import { bytes, gib, type Bytes } from "../../../lib/bytes.ts";
import { FileTree } from "../../../model/file-tree.ts";
import { ImportBudget } from "../../../oci/layers/import-budget.ts";
import { LayerHandler } from "../../../oci/layers/layer-handler.ts";
import { LayerTree } from "../../../oci/layers/layer-tree.ts";
import { DEFAULT_LIMITS } from "../../../oci/layers/limits.ts";
import { unpackLayer } from "../../../oci/layers/unpack-layer.ts";
import { detectSystem } from "../inspect/guest-system.ts";
import { makeFolders } from "./make-folders.ts";
import { provision } from "./provision.ts";
import type { RootfsJob } from "./rootfs-messages.ts";
import type { RootfsResult } from "./rootfs-replies.ts";

/** What a guest sees of its root disk unless the image needs more. Sparse: it costs what is written to it. */
const ROOTFS_SIZE: Bytes = gib(8);
const ROOTFS_MAX_SIZE: Bytes = gib(1024);
/** What a guest can write at least, however large its image is. */
const ROOTFS_MIN_FREE: Bytes = gib(4);
const BLOCK_BYTES = 4096;

/** Where the layers' bytes come from, and who is told. */
export interface LayerInput {
  /** The next so many bytes, in pieces that are good only until the next is asked for. */
  read(bytes: number): AsyncIterable<Buffer>;
  /** A layer is taken, and is what the image's config says. */
  taken(): void;
  /** Resolves once all that was read has been checked to be what the manifest says. */
  readonly checked: Promise<void>;
}

/**
 * Makes the root file system of a VM of an image's layers and the agent.
 *
 * @throws FormatError for a layer that is wrong; BangerError `LAYER_TOO_LARGE`, `EXT4_FULL`, `EXT4_LIMIT`, `DISK_FULL`.
 */
export async function makeRootfs(job: RootfsJob, input: LayerInput): Promise<RootfsResult> {
  const { signal } = new AbortController();
  await using writer = await Ext4Writer.create(job.target, {
    identity: Buffer.from(job.identity, "hex"),
    sizeBytes: job.sizeBytes === undefined ? ROOTFS_SIZE : bytes(job.sizeBytes),
    maxSizeBytes: ROOTFS_MAX_SIZE,
    minFreeBytes: job.sizeBytes === undefined ? ROOTFS_MIN_FREE : bytes(0),
    label: "banger-root",
  });
  using tree = new FileTree(dirname(job.target));
  const budget = new ImportBudget(DEFAULT_LIMITS);
  for (const [index, layer] of job.layers.entries()) {
    const handler = new LayerHandler(new LayerTree(tree, index, budget), writer, budget);
    await unpackLayer(layer, input.read(layer.descriptor.size), handler, budget, signal);
    input.taken();
  }
  await input.checked;
  makeFolders(tree, job.folders);
  await provision(tree, writer, job.agent);
  const { sizeBytes, usedBytes, uuid, droppedXattrs } = await writer.finish(tree);
  const system = await detectSystem(tree, job.target, BLOCK_BYTES);
  const { entries } = budget;
  return { entries, sizeBytes, usedBytes, uuid, droppedXattrs, system, peakMemoryBytes: await peakMemory() };
}

/** getrusage's ru_maxrss is no answer: it begins with what the process had before exec, which was the daemon's. */
async function peakMemory(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
