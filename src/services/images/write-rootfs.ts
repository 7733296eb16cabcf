import { createHash } from "node:crypto";
import { Ext4Writer } from "../../ext4/writer.ts";
import { bytes, gib, type Bytes } from "../../lib/bytes.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { GuestSystem } from "../../model/image.ts";
import type { BlobStore } from "../../oci/blob-store.ts";
import type { ImageSource } from "../../oci/image-source.ts";
import { importImage, type ImportedImage } from "../../oci/import-image.ts";
import type { ResolvedImage } from "../../oci/resolve-image.ts";
import { detectSystem } from "./guest-system.ts";
import { makeVolumes } from "./make-volumes.ts";
import { provision, type AgentProgram } from "./provision.ts";

/** What a guest sees of its root disk unless the image needs more. Sparse: it costs what is written to it. */
const ROOTFS_SIZE: Bytes = gib(8);
const ROOTFS_MAX_SIZE: Bytes = gib(1024);
/** What a guest can write at least, however large its image is. */
const ROOTFS_MIN_FREE: Bytes = gib(4);
const BLOCK_BYTES = 4096;

export interface RootfsPlan {
  /** The file to make. */
  readonly path: string;
  readonly resolved: ResolvedImage;
  readonly source: ImageSource;
  readonly blobs: BlobStore;
  readonly agent: AgentProgram;
  /** As it was asked for; made larger where the image does not fit. Roomy where absent. */
  readonly sizeBytes?: Bytes;
}

export interface WrittenRootfs {
  readonly imported: ImportedImage;
  readonly summary: Awaited<ReturnType<Ext4Writer["finish"]>>;
  readonly system: GuestSystem;
}

/** Writes a container image's layers, and banger's own files on top of them, into an ext4 file system. */
export async function writeRootfs(plan: RootfsPlan, { signal, progress }: OperationContext): Promise<WrittenRootfs> {
  const { path, resolved, source, blobs, agent } = plan;
  await using writer = await Ext4Writer.create(path, {
    identity: createHash("sha256").update(resolved.digest).update(agent.digest).digest(),
    sizeBytes: plan.sizeBytes ?? ROOTFS_SIZE,
    maxSizeBytes: ROOTFS_MAX_SIZE,
    minFreeBytes: plan.sizeBytes === undefined ? ROOTFS_MIN_FREE : bytes(0),
    label: "banger-root",
    signal,
  });
  const imported = await importImage(resolved, source, blobs, writer, { signal, progress });
  progress({ id: "rootfs", label: "writing the root file system", status: "running" });
  makeVolumes(imported.root, resolved.config.run.volumes);
  await provision(imported.root, writer, agent);
  const summary = await writer.finish(imported.root);
  progress({ id: "rootfs", label: "writing the root file system", status: "done" });
  return { imported, summary, system: await detectSystem(imported.root, path, BLOCK_BYTES) };
}
