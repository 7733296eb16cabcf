import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { gib, type Bytes } from "../../lib/bytes.ts";
import { Ext4Writer } from "../../ext4/writer.ts";
import { BangerError } from "../../lib/errors.ts";
import { ensurePrivateDirectory, syncDirectory } from "../../lib/files.ts";
import { newId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { VERSION } from "../../lib/version.ts";
import type { Image } from "../../model/image.ts";
import { checkName, objectNameSchema } from "../../model/names.ts";
import { importImage } from "../../oci/import-image.ts";
import { openImageSource } from "../../oci/open-source.ts";
import { formatReference, parseReference, type ImageReference } from "../../oci/reference.ts";
import { resolveImage, type ResolvedImage } from "../../oci/resolve-image.ts";
import type { ImageSource } from "../../oci/image-source.ts";
import { withIntent } from "../../store/intents.ts";
import { detectSystem } from "./guest-system.ts";
import type { ImageContext } from "./image-context.ts";
import { provision, readAgent, type AgentProgram } from "./provision.ts";

/** What a guest sees of its root disk unless the image needs more. Sparse: it costs what is written to it. */
const ROOTFS_SIZE: Bytes = gib(8);
const ROOTFS_MAX_SIZE: Bytes = gib(1024);
/** What a guest can write at least, however large its image is. */
const ROOTFS_MIN_FREE: Bytes = gib(4);
const BLOCK_BYTES = 4096;

export interface ImagePullRequest {
  readonly reference: string;
  readonly name?: string | undefined;
  readonly kernel?: string | undefined;
  readonly insecure: boolean;
}

/**
 * Makes a VM image of a container image. Pulling again what is here already changes nothing.
 *
 * @throws BangerError `REFERENCE_INVALID`, `NAME_TAKEN`, `KERNEL_NOT_FOUND`, and what the registry, the layers and the
 *         disk give cause to.
 */
export async function pullImage(
  context: ImageContext,
  request: ImagePullRequest,
  operation: OperationContext,
): Promise<Image> {
  const { store, config } = context;
  const reference = parseReference(request.reference);
  const name = checkName(objectNameSchema, "an image", request.name ?? defaultName(reference));
  const kernel = await ensureKernel(context, request.kernel, operation);
  const agent = await readAgent(context.agentPath);
  const insecure = [...config.insecure_registries];
  if (request.insecure && reference.kind === "registry") insecure.push(reference.registry);

  operation.progress({ id: "resolve", label: `looking up ${request.reference}`, status: "running" });
  await using source = await openImageSource(reference, operation.signal, { insecure });
  const resolved = await resolveImage(source, { signal: operation.signal });
  operation.progress({ id: "resolve", label: `found ${request.reference}`, status: "done", note: resolved.digest });

  const existing = store.images.find(name);
  if (existing?.digest === resolved.digest && existing.agentDigest === agent.digest && existing.kernel === kernel) {
    operation.progress({ id: "image", label: `image ${name} is up to date`, status: "done" });
    return existing;
  }
  if (existing !== undefined) throw nameTaken(existing);

  const id = newId("img");
  return withIntent(
    store.intents,
    "image.add",
    id,
    async () => {
      const image = await make(context, { id, name, kernel, agent, reference, resolved, source }, operation);
      store.images.insert(image);
      return image;
    },
    async () => {
      await rm(join(context.layout.workDir, id), { recursive: true, force: true });
      await rm(join(context.layout.imagesDir, id), { recursive: true, force: true });
    },
  );
}

interface ImagePlan {
  readonly id: string;
  readonly name: string;
  readonly kernel: string;
  readonly agent: AgentProgram;
  readonly reference: ImageReference;
  readonly resolved: ResolvedImage;
  readonly source: ImageSource;
}

/** Writes the image's files beside their place, and moves them there whole. */
async function make(context: ImageContext, plan: ImagePlan, operation: OperationContext): Promise<Image> {
  const { layout, blobs } = context;
  const { id, resolved, agent } = plan;
  const { signal, progress } = operation;
  const work = join(layout.workDir, id);
  await mkdir(work, { recursive: true, mode: 0o700 });
  const rootfs = join(work, "rootfs.ext4");
  await using writer = await Ext4Writer.create(rootfs, {
    identity: createHash("sha256").update(resolved.digest).update(agent.digest).digest(),
    sizeBytes: ROOTFS_SIZE,
    maxSizeBytes: ROOTFS_MAX_SIZE,
    minFreeBytes: ROOTFS_MIN_FREE,
    label: "banger-root",
    signal,
  });
  const imported = await importImage(resolved, plan.source, blobs, writer, { signal, progress });
  progress({ id: "image", label: `writing image ${plan.name}`, status: "running" });
  await provision(imported.root, writer, agent);
  const summary = await writer.finish(imported.root);
  const system = await detectSystem(imported.root, rootfs, BLOCK_BYTES);
  const occupied = (await stat(rootfs)).blocks * 512;

  await ensurePrivateDirectory(layout.imagesDir);
  await rename(work, join(layout.imagesDir, id));
  await syncDirectory(layout.imagesDir);
  const reused = imported.layers.filter((layer) => layer.reused).length;
  progress({
    id: "image",
    label: `image ${plan.name}`,
    status: "done",
    note: `${imported.entries} files, ${resolved.layers.length} layers${reused > 0 ? ` (${reused} here already)` : ""}`,
  });
  const { os, architecture, variant } = resolved.config.platform;
  return {
    id,
    name: plan.name,
    createdAt: new Date().toISOString(),
    origin: "pull",
    managed: true,
    reference: formatReference(plan.reference),
    digest: resolved.digest,
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
    size: occupied,
    rootfs: {
      path: join(layout.imagesDir, id, "rootfs.ext4"),
      sizeBytes: summary.sizeBytes,
      usedBytes: summary.usedBytes,
      uuid: summary.uuid,
    },
    files: [],
    kernel: plan.kernel,
    config: resolved.config.run,
    layers: resolved.layers.map(({ descriptor, diffId }) => ({
      digest: descriptor.digest,
      diffId,
      mediaType: descriptor.mediaType,
      sizeBytes: descriptor.size,
    })),
    history: [],
    system,
    agentDigest: agent.digest,
    agentVersion: VERSION,
  };
}

/** The kernel's name; the default one is pulled when it is not there yet, since it is what a first `run` needs. */
async function ensureKernel(
  { store, config, kernels }: ImageContext,
  wanted: string | undefined,
  operation: OperationContext,
): Promise<string> {
  const name = wanted ?? config.default_kernel;
  const found = store.kernels.find(name);
  if (found !== undefined) return found.name;
  if (wanted !== undefined || name !== "debian-cloud") return store.kernels.get(name).name;
  return (await kernels.pull({ source: name, build: false }, operation)).name;
}

/** `debian:bookworm` → `debian-bookworm`; `host:5000/team/app@sha256:…` → `app`; `oci:/a/layout` → `layout`. */
function defaultName(reference: ImageReference): string {
  const path = reference.kind === "registry" ? reference.repository : reference.path.replace(/\.tar(?:\.\w+)?$/, "");
  const tag = reference.kind === "registry" ? reference.tag : reference.name;
  const base = path.split("/").findLast((part) => part !== "") ?? "image";
  const full = tag === undefined || tag === "latest" ? base : `${base}-${tag}`;
  return full
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/\.{2,}/g, ".")
    .replace(/^[._-]+|[._-]+$/g, "");
}

function nameTaken(existing: Image): BangerError {
  return new BangerError("NAME_TAKEN", {
    what: `there is another image named ${existing.name} already`,
    why: describeOrigin(existing),
    fix: `give this one a name of its own with --name, or delete the other with \`banger image delete ${existing.name}\``,
  });
}

function describeOrigin({ origin, reference, digest, kernel }: Image): string {
  if (origin === "register") return "its files were registered";
  if (origin === "build") return "it was built from another image";
  return `it was made from ${reference ?? "a container image"}, digest ${digest?.slice(0, 19) ?? "unknown"}…, kernel ${kernel}`;
}
