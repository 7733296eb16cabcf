import { BangerError } from "../../../lib/errors.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { newId } from "../../../lib/ids.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Image } from "../../../model/image.ts";
import { checkName, objectNameSchema } from "../../../model/names.ts";
import { openImageSource } from "../../../oci/open-source.ts";
import { formatReference, parseReference, type ImageReference } from "../../../oci/source/reference.ts";
import { resolveImage, type ResolvedImage } from "../../../oci/source/resolve-image.ts";
import type { ImageSource } from "../../../oci/source/image-source.ts";
import { withIntent } from "../../../core/intents.ts";
import { newerName } from "../../kernels/index.ts";
import { ensureKernel } from "../kernel/ensure-kernel.ts";
import type { ImageContext } from "../image-context.ts";
import { adoptArtefact, releaseKernel } from "../pack/adopt-artefact.ts";
import { registryAccess } from "../../../oci/registry/registry-access.ts";
import type { InitPolicy } from "../../../model/init-policy.ts";
import { forgetOwnedKernels } from "../kernel/owned-kernel.ts";
import { makeImage } from "./make-image.ts";
import { IMAGE_ADD } from "../image-intents.ts";
import { unpublish } from "../../../core/places.ts";

export interface ImagePullRequest {
  readonly reference: string;
  readonly name?: string | undefined;
  readonly kernel?: string | undefined;
  readonly insecure: boolean;
  /** What its VMs have as PID 1 unless told otherwise. `systemd` is installed where the image has none. */
  readonly init?: InitPolicy | undefined;
  /** Whether the VM in which that is done may reach what listens on this host. */
  readonly allowHost: boolean;
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
  if (request.kernel !== undefined) store.kernels.get(request.kernel);

  operation.progress({ id: "resolve", label: `looking up ${request.reference}`, status: "running" });
  const access = registryAccess(config, reference, request.insecure);
  await using source = await openImageSource(reference, operation.signal, access);
  const resolved = await resolveImage(source, { signal: operation.signal });
  operation.progress({ id: "resolve", label: `found ${request.reference}`, status: "done", note: resolved.digest });

  const found = { name, reference: formatReference(reference), resolved, source };
  const way = await chooseWay(context, request, found, operation);
  const existing = store.images.find(name);
  if (existing !== undefined) {
    const { init = existing.initDefault } = request;
    const isSame = existing.digest === resolved.digest && existing.initDefault === init && way.isSame(existing);
    if (!isSame) throw nameTaken(existing, resolved.digest, (await context.agent()).digest);
    operation.progress({ id: "image", label: `image ${name} is up to date`, status: "done" });
    return existing;
  }

  const id = newId("img");
  return await withIntent(
    store.intents,
    IMAGE_ADD,
    id,
    async () => {
      const made = await way.make(id);
      const image = await withInit(context, made, request, operation);
      // It may have been deleted meanwhile. Once the image has its row, nothing may fail: its files would be taken from it.
      store.kernels.get(image.kernel);
      store.images.insert(image);
      releaseKernel(context, image);
      return image;
    },
    async () => {
      await unpublish(context.layout, id, context.layout.imagesDir);
      await forgetOwnedKernels(context, id);
    },
  );
}

async function withInit(
  context: ImageContext,
  image: Image,
  { init, allowHost }: ImagePullRequest,
  operation: OperationContext,
): Promise<Image> {
  if (init === "systemd") return context.builds().installInit(image, allowHost, operation);
  return init === undefined ? image : { ...image, initDefault: init };
}

/** How an image comes to be of what was found. */
interface Way {
  /** Whether an image that was made of the same is what would be made now. */
  isSame(existing: Image): boolean;
  make(id: string): Promise<Image>;
}

/** What another banger made is taken as it is; of anything else an image is made, with a kernel and the agent of today. */
async function chooseWay(
  context: ImageContext,
  request: ImagePullRequest,
  found: FoundImage,
  operation: OperationContext,
): Promise<Way> {
  const { artefact } = found.resolved;
  if (artefact !== undefined) {
    return {
      isSame: (existing) => request.kernel === undefined || existing.kernel === request.kernel,
      make: (id) => adoptArtefact(context, { ...found, id, kernel: request.kernel, artefact }, operation),
    };
  }
  const kernel = await ensureKernel(context, request.kernel, operation);
  const agent = await context.agent();
  return {
    // One that boots an earlier version of the kernel is moved on by a refresh, not made again.
    isSame: (existing) =>
      [existing.kernel, newerName(context.store, existing.kernel)].includes(kernel) &&
      existing.agentDigest === agent.digest,
    make: (id) => makeImage(context, { ...found, id, kernel, agent }, operation),
  };
}

interface FoundImage {
  readonly name: string;
  readonly reference: string;
  readonly resolved: ResolvedImage;
  readonly source: ImageSource;
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

function nameTaken(existing: Image, digest: string, agentDigest: string): BangerError {
  const refresh =
    existing.digest === digest && existing.agentDigest !== agentDigest
      ? `put this banger's agent into it with \`banger image refresh ${existing.name}\`; or `
      : "";
  return new BangerError("NAME_TAKEN", {
    what: `there is another image named ${existing.name} already`,
    why: describeOrigin(existing),
    fix: `${refresh}give this one a name of its own with \`name\`, or delete the other with \`banger image delete ${existing.name}\``,
    data: aboutFields("name"),
  });
}

function describeOrigin({ origin, reference, digest, kernel }: Image): string {
  if (origin === "register") return "its files were registered";
  if (origin === "build") return "it was built here";
  return `it was made from ${reference ?? "a container image"}, digest ${digest?.slice(0, 19) ?? "unknown"}…, kernel ${kernel}`;
}
