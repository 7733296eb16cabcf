import { stat } from "node:fs/promises";
import { BangerError } from "../../../lib/errors.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { newId } from "../../../lib/ids.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { VERSION } from "../../../lib/version.ts";
import type { Image, OciConfig } from "../../../model/image.ts";
import type { FileStamp, Volume } from "../../../model/image-parts.ts";
import type { Kernel } from "../../../model/kernel.ts";
import { checkName, objectNameSchema } from "../../../model/names.ts";
import { hostPlatform } from "../../../oci/manifest/platform.ts";
import { withIntent } from "../../../core/intents.ts";
import { ensureKernel } from "../kernel/ensure-kernel.ts";
import type { ImageContext } from "../image-context.ts";
import { refuseOurs } from "./image-readers.ts";
import { forgetOwnedKernels } from "../kernel/owned-kernel.ts";
import { inspectRootfs, type RootfsFacts } from "../inspect/inspect-rootfs.ts";
import { canBeReached } from "./reachable.ts";
import { explainNoExt4, stampOf } from "./user-files.ts";
import { IMAGE_ADD } from "../image-intents.ts";

/** Paths of the user's files, absolute. */
export interface ImageRegisterRequest {
  readonly name: string;
  readonly rootfs: string;
  readonly workSeed?: string | undefined;
  /** A kernel that is here already; else the one in `kernel`; else the default one. */
  readonly kernelRef?: string | undefined;
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
  readonly modules?: string | undefined;
}

/**
 * Takes files of the user's as an image, where they lie. banger never writes to them: VMs get copies, or overlays that
 * read from them. Of a kernel it makes its own copy at once, since what boots is made from that. Registering the same
 * files again takes them as they are by then.
 *
 * @throws BangerError `NAME_TAKEN`, `FILE_UNREADABLE`, `EXT4_INVALID`, `KERNEL_NOT_FOUND`, `KERNEL_INVALID`, `IMAGE_IN_USE`; as
 *         {@link refuseOurs}.
 */
export async function registerImage(
  context: ImageContext,
  request: ImageRegisterRequest,
  operation: OperationContext,
): Promise<Image> {
  const { store } = context;
  const name = checkName(objectNameSchema, "an image", request.name);
  checkKernelWords(request);
  await refuseOurs(context.layout, [request.rootfs, request.workSeed]);
  const rootfs = await readVolume(request.rootfs, "a root file system");
  const workSeed = request.workSeed === undefined ? undefined : await readVolume(request.workSeed, "a work-seed");
  const stamps = await stampAll(request);
  const facts = {
    size: rootfs.occupied + (workSeed?.occupied ?? 0),
    rootfs: rootfs.volume,
    ...(workSeed && { workSeed: workSeed.volume }),
    files: [...stamps],
    system: rootfs.facts.system,
    ...(await describeAgent(context, rootfs.facts)),
  };

  const existing = store.images.find(name);
  if (existing !== undefined) return takeAsTheyAre(context, existing, request, facts);
  const id = newId("img");
  return withIntent(
    store.intents,
    IMAGE_ADD,
    id,
    async () => {
      const kernel = await kernelOf(context, request, name, id, operation);
      const { os, architecture, variant } = hostPlatform();
      const image: Image = {
        id,
        name,
        createdAt: new Date().toISOString(),
        origin: "register",
        managed: false,
        platform: { os, architecture, ...(variant !== undefined && { variant }) },
        kernel: kernel.name,
        config: NO_CONFIG,
        layers: [],
        history: [],
        ...facts,
      };
      store.images.insert(image);
      if (!canBeReached(image, kernel)) warnUnreachable(image, kernel, operation);
      return image;
    },
    () => forgetOwnedKernels(context, id),
  );
}

type Facts = Pick<Image, "size" | "rootfs" | "files" | "system"> &
  Partial<Pick<Image, "workSeed" | "agentDigest" | "agentVersion">>;

/** Files that are a registered image's already, looked at anew. */
function takeAsTheyAre(
  { store, vms }: ImageContext,
  existing: Image,
  request: ImageRegisterRequest,
  facts: Facts,
): Image {
  const isSame =
    existing.origin === "register" &&
    !existing.managed &&
    existing.rootfs.path === request.rootfs &&
    existing.workSeed?.path === request.workSeed &&
    request.kernel === undefined &&
    (request.kernelRef === undefined || request.kernelRef === existing.kernel);
  if (!isSame) store.images.checkFree(existing.name);
  const changed = facts.files.some(({ path, mtimeMs, inode, sizeBytes }) => {
    const before = existing.files.find((stamp) => stamp.path === path);
    return before?.mtimeMs !== mtimeMs || before.inode !== inode || before.sizeBytes !== sizeBytes;
  });
  if (!changed) return existing;
  const leaning = vms().readersOf(existing.rootfs.path);
  if (leaning.length > 0) {
    throw new BangerError("IMAGE_IN_USE", {
      what: `the files of image ${existing.name} changed under VMs that read from them`,
      why: `${leaning.join(", ")} would see other data than they had`,
      fix: "put the files back; or delete those VMs, or put them on another image with `banger vm rebase`",
      data: { vms: leaning },
    });
  }
  const kept = existing.files.filter(({ path }) => !facts.files.some((stamp) => stamp.path === path));
  return store.images.transition(existing.id, "restamped", {
    workSeed: undefined,
    agentDigest: undefined,
    agentVersion: undefined,
    ...facts,
    files: [...facts.files, ...kept],
  });
}

function checkKernelWords({ kernel, kernelRef, initrd, modules }: ImageRegisterRequest): void {
  if (kernel !== undefined && kernelRef !== undefined) {
    throw new BangerError("BAD_REQUEST", {
      what: "`kernel` and `kernelRef` are two kernels",
      fix: "give one of them",
      data: aboutFields("kernel", "kernelRef"),
    });
  }
  if (kernel === undefined && (initrd !== undefined || modules !== undefined)) {
    throw new BangerError("BAD_REQUEST", {
      what: "an initrd or modules belong to a kernel, and there is none",
      fix: "add `kernel`",
      data: aboutFields("kernel"),
    });
  }
}

interface ReadVolume {
  readonly volume: Volume;
  readonly facts: RootfsFacts;
  /** Bytes on this host. */
  readonly occupied: number;
}

async function readVolume(path: string, what: string): Promise<ReadVolume> {
  const { sizeBytes } = await stampOf(path);
  const found = await stat(path);
  if (!found.isFile()) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `${path} cannot be ${what}`,
      why: "it is no file",
      fix: "give a file",
    });
  }
  try {
    const facts = await inspectRootfs(path);
    if (facts.sizeBytes > sizeBytes) throw cutShort(path, facts.sizeBytes, sizeBytes);
    const volume = { path, sizeBytes, usedBytes: facts.usedBytes, uuid: facts.uuid };
    return { volume, facts, occupied: found.blocks * 512 };
  } catch (error) {
    throw await explainNoExt4(path, what, error);
  }
}

function cutShort(path: string, wanted: number, has: number): BangerError {
  return new BangerError("EXT4_INVALID", {
    what: `${path} is cut short`,
    why: `its file system has ${wanted} bytes, and the file ${has}`,
    fix: "copy it again",
  });
}

function stampAll({ rootfs, workSeed, kernel, initrd, modules }: ImageRegisterRequest): Promise<readonly FileStamp[]> {
  return Promise.all([rootfs, workSeed, kernel, initrd, modules].filter((path) => path !== undefined).map(stampOf));
}

async function describeAgent(
  context: ImageContext,
  { agentDigest }: RootfsFacts,
): Promise<Pick<Image, "agentDigest" | "agentVersion">> {
  if (agentDigest === undefined) return {};
  const { digest } = await context.agent();
  return { agentDigest, ...(agentDigest === digest && { agentVersion: VERSION }) };
}

async function kernelOf(
  context: ImageContext,
  { kernel: vmlinux, kernelRef, initrd, modules }: ImageRegisterRequest,
  name: string,
  owner: string,
  operation: OperationContext,
): Promise<Kernel> {
  const { store, kernels } = context;
  if (vmlinux === undefined) return store.kernels.get(await ensureKernel(context, kernelRef, operation));
  if (store.kernels.find(name) !== undefined) {
    throw new BangerError("NAME_TAKEN", {
      what: `there is a kernel named ${name} already`,
      why: "the image's kernel is called as the image",
      fix: `give the image another name, or use that kernel with \`kernelRef\` ${name}`,
      data: aboutFields("kernelRef"),
    });
  }
  return kernels.import({ name, vmlinux, initrd, modules, owner }, operation);
}

function warnUnreachable({ name }: Image, kernel: Kernel, { progress }: OperationContext): void {
  progress({
    id: "agent",
    label: `image ${name} holds no agent, and kernel ${kernel.name} brings none`,
    status: "done",
    note: `before VMs are made of it: banger image promote ${name}; banger image refresh ${name}`,
  });
}

const NO_CONFIG: OciConfig = {
  env: [],
  user: "",
  workingDir: "",
  entrypoint: [],
  cmd: [],
  exposedPorts: [],
  volumes: [],
  labels: {},
};
