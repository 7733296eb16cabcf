import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { SentImage } from "../../../model/artefact.ts";
import { checkWritable } from "../../../oci/push/archive-place.ts";
import { exportArchive } from "../../../oci/push/export-archive.ts";
import { checkPush, pushImage, type OutgoingImage } from "../../../oci/push/push-image.ts";
import { DOCKER_HUB, formatReference, parseReference, type RegistryReference } from "../../../oci/source/reference.ts";
import type { ImageContext } from "../image-context.ts";
import { packImage, refuseUnmanaged } from "./pack-image.ts";
import { registryAccess } from "../../../oci/registry/registry-access.ts";
import { withIntent, WORK } from "../../../core/intents.ts";

export interface ImagePushRequest {
  readonly ref: string;
  /** `host/name:tag`. */
  readonly reference: string;
  readonly insecure: boolean;
}

export interface ImageExportRequest {
  readonly ref: string;
  /** `oci-archive:FILE[:NAME]`. */
  readonly target: string;
}

/**
 * Sends an image to a registry, with its kernel, as another banger pulls it. Whether it may is asked before it is packed.
 *
 * @throws BangerError `IMAGE_NOT_FOUND`, `IMAGE_UNMANAGED`, `REFERENCE_INVALID`; what packing, and the registry, give
 *         cause to.
 */
export async function sendToRegistry(
  context: ImageContext,
  { ref, reference: text, insecure }: ImagePushRequest,
  operation: OperationContext,
): Promise<SentImage> {
  const reference = parseReference(text);
  if (reference.kind !== "registry") throw notHere(text, "an image is pushed to a registry", "banger image export");
  refuseUnasked(text, reference);
  const image = context.store.images.get(ref);
  refuseUnmanaged(image);
  const access = registryAccess(context.config, reference, insecure);
  const step = { id: "registry", label: `asking to push to ${formatReference(reference)}` };
  operation.progress({ ...step, status: "running" });
  await checkPush(reference, operation, access);
  operation.progress({ ...step, status: "done" });
  return packed(context, ref, operation, async (outgoing) => {
    const sent = await pushImage(reference, outgoing, operation, access);
    const reused = new Set(sent.blobs.filter((blob) => blob.reused).map((blob) => blob.digest));
    return {
      image: image.name,
      reference: formatReference(reference),
      digest: sent.digest,
      blobs: outgoing.blobs.map(({ descriptor: { digest, size, mediaType } }) => ({
        digest,
        mediaType,
        sizeBytes: size,
        reused: reused.has(digest),
      })),
    };
  });
}

/**
 * Writes an image into an archive on this host, with its kernel, as another banger pulls it. The file appears whole.
 *
 * @throws BangerError as {@link sendToRegistry}; `FILE_UNREADABLE` for where no file can be written.
 */
export async function sendToArchive(
  context: ImageContext,
  { ref, target: text }: ImageExportRequest,
  operation: OperationContext,
): Promise<SentImage> {
  const target = parseReference(text);
  if (target.kind !== "oci-archive")
    throw notHere(text, "an image is exported to oci-archive:FILE", "banger image push");
  const image = context.store.images.get(ref);
  await checkWritable(target.path);
  return packed(context, ref, operation, async (outgoing) => {
    const digest = await exportArchive(target.path, outgoing, target.name ?? image.name, operation);
    return {
      image: image.name,
      reference: formatReference(target),
      digest,
      blobs: outgoing.blobs.map(({ descriptor: { digest: blob, size, mediaType } }) => ({
        digest: blob,
        mediaType,
        sizeBytes: size,
        reused: false,
      })),
    };
  });
}

/** Packs an image into a folder that goes away, whatever becomes of it. What a killed daemon leaves, its intent has the next one remove. */
async function packed(
  context: ImageContext,
  ref: string,
  operation: OperationContext,
  send: (outgoing: OutgoingImage) => Promise<SentImage>,
): Promise<SentImage> {
  const id = newId("pack");
  const folder = join(context.layout.workDir, id);
  const clean = (): Promise<void> => removeTree(context.layout.workDir, id, "named by the open intent work");
  return withIntent(
    context.store.intents,
    WORK,
    id,
    async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const sent = await send(await packImage(context, context.store.images.get(ref), folder, operation));
      await clean();
      return sent;
    },
    clean,
  );
}

/**
 * A short name is Docker Hub's, and without an owner one of Docker's own images: nobody means to push there who has
 * forgotten to name a registry.
 */
function refuseUnasked(text: string, reference: RegistryReference): void {
  const isWritten = /^(?:docker:\/\/)?(?:index\.)?docker\.io\//.test(text);
  if (isWritten || reference.registry !== DOCKER_HUB || !reference.repository.startsWith("library/")) return;
  throw new BangerError("REFERENCE_INVALID", {
    what: `cannot push to ${text}`,
    why: `it names no registry: it would go to ${formatReference(reference)}`,
    fix: `name one, as in localhost:5000/${text} or ghcr.io/OWNER/${text}; or write out ${formatReference(reference)}`,
  });
}

function notHere(text: string, why: string, instead: string): BangerError {
  return new BangerError("REFERENCE_INVALID", {
    what: `cannot send an image to ${text}`,
    why,
    fix: `give another target, or use \`${instead}\``,
  });
}
