import { constants, copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { bytes } from "../../../lib/bytes.ts";
import { openExt4 } from "../../../ext4/reader/ext4-image.ts";
import { removeTree, replaceFile } from "../../../lib/destroy.ts";
import { BangerError, asBangerError } from "../../../lib/errors.ts";
import { syncDirectory } from "../../../lib/files.ts";
import { installHint } from "../../../lib/install-hint.ts";
import { run } from "../../../lib/process.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { VERSION } from "../../../lib/version.ts";
import type { Image } from "../../../model/image.ts";
import { withIntent } from "../../../core/intents.ts";
import { cloneDisk } from "../../../disk/clone-disk.ts";
import type { ImageContext } from "../image-context.ts";
import { sweepRefreshed } from "./image-folder.ts";
import { inspectRootfs } from "../inspect/inspect-rootfs.ts";
import { onNewerKernel } from "../kernel/newer-kernel.ts";
import { AGENT_NAME, FIRST_BOOT_NAME, LIBEXEC, type AgentProgram } from "../agent/agent-program.ts";
import { IMAGE_REFRESH } from "../image-intents.ts";
import { stage } from "../../../core/places.ts";

/**
 * Puts this banger's agent into an image, without pulling or building it again: into a copy of its root file system, which
 * takes the old one's place. VMs that read from the old one go on with it, and it is kept for them.
 *
 * @throws BangerError `IMAGE_UNMANAGED`, `TOOL_MISSING` without e2fsprogs, `EXT4_FULL` where the agent finds no room.
 */
export async function refreshImage(context: ImageContext, ref: string, operation: OperationContext): Promise<Image> {
  const { store, layout } = context;
  const before = store.images.get(ref);
  const image = onNewerKernel(store, before, operation);
  if (!image.managed && image !== before) return image;
  if (!image.managed) throw unmanaged(image);
  const agent = await context.agent();
  if (image.agentDigest === agent.digest) {
    operation.progress({ id: "refresh", label: `image ${image.name} has this banger's agent`, status: "done" });
    return image;
  }
  const clean = async (): Promise<void> => {
    await removeTree(layout.workDir, image.id, "named by the open intent image.refresh");
    await sweepRefreshed(context, image.id);
  };
  return withIntent(
    store.intents,
    IMAGE_REFRESH,
    image.id,
    async () => {
      operation.progress({ id: "refresh", label: `putting the agent into image ${image.name}`, status: "running" });
      const work = await stage(layout, image.id);
      const made = await withAgent(image, agent, work, operation.signal);
      const target = join(layout.imagesDir, image.id, `rootfs-${agent.digest.slice(7, 19)}.ext4`);
      await replaceFile(made.path, target, "work of the open intent image.refresh; the name tells what is in it");
      await syncDirectory(join(layout.imagesDir, image.id));
      const { sha256: _sha256, ...rootfs } = image.rootfs;
      const refreshed = store.images.transition(image.id, "refreshed", {
        rootfs: { ...rootfs, path: target, usedBytes: made.usedBytes },
        size: (await stat(target)).blocks * 512,
        agentDigest: agent.digest,
        agentVersion: VERSION,
      });
      await clean();
      operation.progress({
        id: "refresh",
        label: `image ${image.name}`,
        status: "done",
        note: "has this banger's agent",
      });
      return refreshed;
    },
    clean,
  );
}

/** Makes a copy of an image's root file system that has the agent in place of what may be there by its name. */
async function withAgent(
  { name, rootfs }: Image,
  agent: AgentProgram,
  work: string,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly usedBytes: number }> {
  const path = join(work, "rootfs.ext4");
  const size = bytes(rootfs.sizeBytes);
  const base = { path: rootfs.path, sizeBytes: size, usedBytes: bytes(rootfs.usedBytes) };
  await cloneDisk({ base, target: path, sizeBytes: size, formats: new Set(["raw"]), standsAlone: true }, signal);
  const facts = await inspectRootfs(path);
  const options = { signal, cwd: work, install: installHint("e2fsprogs") };
  // A file system that somebody registered may have a journal to be replayed.
  if (!facts.isClean) await run("e2fsck", ["-fy", path], options).catch(passRepaired);
  // By a plain name in its own folder: debugfs parts its words at blanks.
  await copyFile(agent.path, join(work, "agent"), constants.COPYFILE_EXCL);
  await run("debugfs", ["-w", "-f", "-", path], { ...options, input: await agentCommands(path) });
  await run("e2fsck", ["-fn", path], options);
  const after = await inspectRootfs(path);
  if (after.agentDigest !== agent.digest) throw noRoom(name);
  return { path, usedBytes: after.usedBytes };
}

/**
 * Commands for debugfs(8) that put the file `agent` of its own folder in. Only what is missing is made, and only what is
 * there is removed: its mkdir spoils a file system where the folder is there already.
 */
async function agentCommands(path: string): Promise<string> {
  await using volume = await openExt4(path);
  const isThere = async (name: string, followLast: boolean): Promise<boolean> => {
    try {
      await volume.find(name, { followLast });
      return true;
    } catch (error) {
      if (asBangerError(error).code === "PATH_NOT_FOUND") return false;
      throw error;
    }
  };
  const commands: string[] = [];
  for (const folder of ["/usr", "/usr/local", LIBEXEC])
    if (!(await isThere(folder, true))) commands.push(`mkdir ${folder}`);
  commands.push(`cd ${LIBEXEC}`);
  for (const name of [AGENT_NAME, FIRST_BOOT_NAME]) {
    if (await isThere(`${LIBEXEC}/${name}`, false)) commands.push(`rm ${name}`);
  }
  commands.push(
    `write agent ${AGENT_NAME}`,
    ...["mode 0100755", "uid 0", "gid 0", "mtime @0"].map((field) => `sif ${AGENT_NAME} ${field}`),
    `symlink ${FIRST_BOOT_NAME} ${AGENT_NAME}`,
  );
  return `${commands.join("\n")}\n`;
}

/** e2fsck(8) ends with 1 where it has repaired everything. */
function passRepaired(error: unknown): void {
  const status =
    error instanceof BangerError && error.cause instanceof Error && "exitCode" in error.cause
      ? error.cause.exitCode
      : undefined;
  if (status !== 1) throw error;
}

function noRoom(name: string): BangerError {
  return new BangerError("EXT4_FULL", {
    what: `the agent could not be put into image ${name}`,
    why: "its file system has no room for it, or what stands at /usr/local/libexec is no folder",
    fix: "pull or build the image anew, larger",
  });
}

function unmanaged({ name }: Image): BangerError {
  return new BangerError("IMAGE_UNMANAGED", {
    what: `image ${name} cannot be refreshed`,
    why: "its files are yours, and banger does not write to them",
    fix: `have banger own copies of them first: \`banger image promote ${name}\``,
  });
}
