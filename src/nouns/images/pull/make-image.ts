import { stat } from "node:fs/promises";
import { join } from "node:path";
import { counted } from "../../../lib/counted.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { VERSION } from "../../../lib/version.ts";
import type { Image } from "../../../model/image.ts";
import type { ImageSource } from "../../../oci/source/image-source.ts";
import type { ResolvedImage } from "../../../oci/source/resolve-image.ts";
import { declaredServices } from "./declared-services.ts";
import type { ImageContext } from "../image-context.ts";
import type { AgentProgram } from "../agent/agent-program.ts";
import { writeRootfs } from "../rootfs/write-rootfs.ts";
import { publish, stage } from "../../../core/places.ts";

export interface ImagePlan {
  readonly id: string;
  readonly name: string;
  readonly kernel: string;
  readonly agent: AgentProgram;
  /** As it was asked for. */
  readonly reference: string;
  readonly resolved: ResolvedImage;
  readonly source: ImageSource;
}

/** Makes a VM image of a container image: writes its files beside their place, and moves them there whole. */
export async function makeImage(context: ImageContext, plan: ImagePlan, operation: OperationContext): Promise<Image> {
  const { layout, blobs } = context;
  const { id, resolved, agent } = plan;
  const services = declaredServices(resolved.config.run.labels);
  const { progress } = operation;
  const work = await stage(layout, id);
  const rootfs = join(work, "rootfs.ext4");
  const written = await writeRootfs({ ...plan, path: rootfs, blobs, program: context.rootfsProgram }, operation);
  const occupied = (await stat(rootfs)).blocks * 512;

  await publish(layout, id, layout.imagesDir);
  const reused = written.layers.filter((layer) => layer.reused).length;
  progress({
    id: "image",
    label: `image ${plan.name}`,
    status: "done",
    note: `${counted(written.entries, "file")}, ${counted(resolved.layers.length, "layer")}${reused > 0 ? ` (${reused} here already)` : ""}`,
  });
  const { os, architecture, variant } = resolved.config.platform;
  return {
    id,
    name: plan.name,
    createdAt: new Date().toISOString(),
    origin: "pull",
    managed: true,
    reference: plan.reference,
    digest: resolved.digest,
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
    size: occupied,
    rootfs: {
      path: join(layout.imagesDir, id, "rootfs.ext4"),
      sizeBytes: written.sizeBytes,
      usedBytes: written.usedBytes,
      uuid: written.uuid,
    },
    files: [],
    kernel: plan.kernel,
    config: resolved.config.run,
    ...(services.length > 0 && { services: [...services] }),
    layers: resolved.layers.map(({ descriptor, diffId }) => ({
      digest: descriptor.digest,
      diffId,
      mediaType: descriptor.mediaType,
      sizeBytes: descriptor.size,
    })),
    history: [],
    system: written.system,
    agentDigest: agent.digest,
    agentVersion: VERSION,
  };
}
