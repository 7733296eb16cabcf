import { link, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { bytes } from "../../lib/bytes.ts";
import { BangerError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { VERSION } from "../../lib/version.ts";
import type { Image } from "../../model/image.ts";
import type { BuildStep, Volume } from "../../model/image-parts.ts";
import type { InitPolicy } from "../../model/init-policy.ts";
import { checkName, objectNameSchema } from "../../model/names.ts";
import { withIntent } from "../../core/intents.ts";
import { cloneDisk } from "../../disk/clone-disk.ts";
import { buildKey, digestTree, packTree, readScript, type BuildCopy, type BuildScript } from "./build-inputs.ts";
import { buildInVm, type BuildGuest } from "./build-vm.ts";
import { builtKey, contentKey } from "./content-key.ts";
import type { BuildContext } from "./build-context.ts";
import { IMAGE_ADD, inspectRootfs } from "../images/index.ts";
import { publish, stage, unpublish } from "../../core/places.ts";

export interface ImageBuildRequest {
  /** Name or id of the image to begin from. */
  readonly from: string;
  readonly name: string;
  /** Path of the script on this host. */
  readonly script: string;
  readonly copies: readonly BuildCopy[];
  readonly env: Readonly<Record<string, string>>;
  readonly sizeBytes?: number | undefined;
  readonly kernel?: string | undefined;
  readonly nat: boolean;
  readonly init?: InitPolicy | undefined;
  /** What becomes of the VM when the script fails. */
  readonly onFail: "remove" | "keep";
}

/** In memory, so that no image ever holds it. */
const SCRIPT_PATH = "/run/banger/build-script";

/**
 * Makes an image of another by running a script in it. What was built before from the same base, script and inputs is
 * taken again.
 *
 * @throws BangerError `IMAGE_NOT_FOUND`, `NAME_TAKEN`, `FILE_UNREADABLE`, `IMAGE_OUTDATED`, `BUILD_FAILED`.
 */
export async function buildImage(
  context: BuildContext,
  request: ImageBuildRequest,
  operation: OperationContext,
): Promise<Image> {
  const { store, layout } = context.images;
  const base = store.images.get(request.from);
  const name = checkName(objectNameSchema, "an image", request.name);
  const script = await readScript(request.script);
  const step = await planStep(context, base, request, script, operation.signal);

  const existing = store.images.find(name);
  // The kernel is no part of its content, and so not of the key.
  const kernel = request.kernel === undefined ? existing?.kernel : store.kernels.get(request.kernel).name;
  if (existing !== undefined && builtKey(existing) === step.key && existing.kernel === kernel) {
    operation.progress({ id: "image", label: `image ${name} is up to date`, status: "done" });
    return existing;
  }
  store.images.checkFree(name);
  const id = newId("img");
  return withIntent(
    store.intents,
    IMAGE_ADD,
    id,
    async () => {
      const work = await stage(layout, id);
      const rootfs = join(work, "rootfs.ext4");
      const same = store.images.list().find((image) => image.managed && builtKey(image) === step.key);
      const volume =
        same === undefined
          ? await build(context, { request, base, id, name, script, target: rootfs }, operation)
          : await reuse(same, rootfs, operation);
      if (base.workSeed !== undefined) {
        await shareDisk(base.workSeed, join(work, "work-seed.ext4"), {
          isOurs: base.managed,
          signal: operation.signal,
        });
      }
      const image = await describe(context, { id, name, base, step, volume, kernel: request.kernel });
      await publish(layout, id, layout.imagesDir);
      store.images.insert(image);
      operation.progress({ id: "image", label: `image ${name}`, status: "done", note: step.did });
      return image;
    },
    () => unpublish(layout, id, layout.imagesDir),
  );
}

async function planStep(
  context: BuildContext,
  base: Image,
  request: ImageBuildRequest,
  script: BuildScript,
  signal: AbortSignal,
): Promise<BuildStep> {
  const agent = await context.images.agent();
  const copies: { target: string; digest: string }[] = [];
  for (const { source, target } of request.copies) copies.push({ target, digest: await digestTree(source, signal) });
  const parts = {
    base: contentKey(base),
    agentDigest: agent.digest,
    scriptDigest: script.digest,
    copies,
    env: request.env,
    sizeBytes: request.sizeBytes,
  };
  return {
    at: new Date().toISOString(),
    from: { id: base.id, name: base.name, ...(base.digest !== undefined && { digest: base.digest }) },
    did: `script: ${basename(request.script)}`,
    key: buildKey(parts),
    scriptDigest: script.digest,
  };
}

interface Build {
  readonly request: ImageBuildRequest;
  readonly base: Image;
  readonly id: string;
  readonly name: string;
  readonly script: BuildScript;
  readonly target: string;
}

function build(
  context: BuildContext,
  { request, base, id, name, script, target }: Build,
  operation: OperationContext,
): Promise<Volume> {
  const { kernel, sizeBytes, nat, init, onFail } = request;
  return buildInVm(
    context,
    { base, imageId: id, target, label: name, kernel, sizeBytes, nat, init, keepOnFailure: onFail === "keep" },
    (guest) => runScript(guest, base, request, script, operation.signal),
    operation,
  );
}

async function runScript(
  guest: BuildGuest,
  base: Image,
  { copies, env, script: path }: ImageBuildRequest,
  script: BuildScript,
  signal: AbortSignal,
): Promise<void> {
  for (const { source, target } of copies) {
    const { archive, done } = await packTree(source, signal);
    await guest.unpack(target, archive);
    await done;
  }
  await guest.writeFile(SCRIPT_PATH, 0o755, script.content);
  // Without a line that names its interpreter, a script is the shell's.
  const argv = script.content.subarray(0, 2).toString("latin1") === "#!" ? [SCRIPT_PATH] : ["/bin/sh", SCRIPT_PATH];
  await guest.run({ argv, env: { ...imageEnvironment(base), ...env }, called: basename(path) });
}

function imageEnvironment({ config }: Image): Record<string, string> {
  return Object.fromEntries(
    config.env.map((entry) => {
      const [name = "", ...value] = entry.split("=");
      return [name, value.join("=")];
    }),
  );
}

/** The same was built before under another name: both names share one file, which nobody writes to. */
async function reuse(same: Image, target: string, { progress, signal }: OperationContext): Promise<Volume> {
  await shareDisk(same.rootfs, target, { isOurs: same.managed, signal });
  progress({ id: "cache", label: "nothing to do", status: "done", note: `image ${same.name} was built from the same` });
  return { ...same.rootfs, path: target };
}

/** Gives a disk that is ours, and that nobody writes to, a second name; a copy of one that is not, or cannot have two. */
async function shareDisk(
  { path, sizeBytes, usedBytes }: Volume,
  target: string,
  { isOurs, signal }: { readonly isOurs: boolean; readonly signal: AbortSignal },
): Promise<void> {
  if (isOurs && (await hasSecondName(path, target))) return;
  const base = { path, sizeBytes: bytes(sizeBytes), usedBytes: bytes(usedBytes) };
  await cloneDisk({ base, target, sizeBytes: base.sizeBytes, formats: new Set(["raw"]), standsAlone: true }, signal);
}

async function hasSecondName(path: string, target: string): Promise<boolean> {
  try {
    await link(path, target);
    return true;
  } catch {
    // Its file system has no hard links: then a copy does.
    return false;
  }
}

interface Description {
  readonly id: string;
  readonly name: string;
  readonly base: Image;
  readonly step: BuildStep;
  readonly volume: Volume;
  readonly kernel: string | undefined;
}

/** The image's row, as its files will lie once they are moved into place. */
async function describe(context: BuildContext, { id, name, base, step, volume, kernel }: Description): Promise<Image> {
  const { store, layout } = context.images;
  const facts = await inspectRootfs(volume.path);
  if (facts.agentDigest === undefined && base.agentDigest !== undefined) throw agentLost(name);
  // What tells of a container image told of the base's content, not of this one's.
  const {
    reference: _reference,
    digest: _digest,
    packedFrom: _packedFrom,
    agentDigest: _agent,
    agentVersion: _version,
    ...inherited
  } = base;
  return {
    ...inherited,
    id,
    name,
    createdAt: step.at,
    origin: "build",
    managed: true,
    size: (await stat(volume.path)).blocks * 512,
    rootfs: { ...volume, path: join(layout.imagesDir, id, "rootfs.ext4") },
    ...(base.workSeed !== undefined && {
      workSeed: { ...base.workSeed, path: join(layout.imagesDir, id, "work-seed.ext4") },
    }),
    files: [],
    kernel: kernel === undefined ? base.kernel : store.kernels.get(kernel).name,
    layers: [],
    history: [...base.history, step],
    system: facts.system,
    ...(facts.agentDigest !== undefined && { agentDigest: facts.agentDigest, agentVersion: VERSION }),
  };
}

function agentLost(name: string): BangerError {
  return new BangerError("BUILD_FAILED", {
    what: `image ${name} has no agent any more`,
    why: "the script removed /usr/local/libexec/banger-vsock-agent, without which no VM of it could be reached",
    fix: "leave that file alone, and build again",
  });
}
