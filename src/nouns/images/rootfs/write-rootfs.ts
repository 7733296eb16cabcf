import { createHash } from "node:crypto";
import type { Bytes } from "../../../lib/bytes.ts";
import { counted } from "../../../lib/counted.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { displayName } from "../../../model/byte-string.ts";
import { applyLayers, type AppliedLayer } from "../../../oci/layers/apply-layers.ts";
import type { BlobStore } from "../../../oci/layers/blob-store.ts";
import type { ImageSource } from "../../../oci/source/image-source.ts";
import type { ResolvedImage } from "../../../oci/source/resolve-image.ts";
import type { AgentProgram } from "../agent/agent-program.ts";
import type { RootfsResult } from "./rootfs-replies.ts";
import { RootfsProcess } from "./rootfs-process.ts";

export interface RootfsPlan {
  /** The file to make. */
  readonly path: string;
  readonly resolved: ResolvedImage;
  readonly source: ImageSource;
  readonly blobs: BlobStore;
  readonly agent: AgentProgram;
  /** What does the work, in a process of its own: `rootfs/main.ts`, or its bundle. */
  readonly program: string;
  /** As it was asked for; made larger where the image does not fit. Roomy where absent. */
  readonly sizeBytes?: Bytes;
}

export interface WrittenRootfs extends RootfsResult {
  readonly layers: readonly AppliedLayer[];
}

/** Writes a container image's layers, and banger's own files on top of them, into an ext4 file system. */
export async function writeRootfs(plan: RootfsPlan, { signal, progress }: OperationContext): Promise<WrittenRootfs> {
  const { path, resolved, source, blobs, agent, sizeBytes } = plan;
  const identity = createHash("sha256").update(resolved.digest).update(agent.digest).digest("hex");
  const { volumes, workingDir } = resolved.config.run;
  const folders = [workingDir, ...volumes];
  const job = { target: path, identity, layers: resolved.layers, folders, agent, ...(sizeBytes && { sizeBytes }) };
  await using maker = new RootfsProcess(plan.program, job, signal);
  const layers = await applyLayers(resolved.layers, source, blobs, maker.take, { signal, progress });
  progress({ id: "rootfs", label: "writing the root file system", status: "running" });
  const result = await maker.finish();
  progress({ id: "rootfs", label: "writing the root file system", status: "done" });
  if (result.droppedXattrs.length > 0)
    progress({ id: "xattrs", ...DROPPED, note: describeDropped(result.droppedXattrs) });
  return { ...result, layers };
}

const DROPPED = { label: "left out extended attributes that ext4 has no place for", status: "done" } as const;
const SHOWN_NAMES = 5;

function describeDropped(dropped: RootfsResult["droppedXattrs"]): string {
  const shown = dropped
    .slice(0, SHOWN_NAMES)
    .map(({ name, files }) => `${displayName(name)} of ${counted(files, "file")}`);
  return [
    ...shown,
    ...(dropped.length > shown.length ? [`and of ${counted(dropped.length - shown.length, "other name")}`] : []),
  ].join(", ");
}
