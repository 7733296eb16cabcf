import { Readable } from "node:stream";
import type { AgentClient } from "../../guest/agent-client.ts";
import { copyUsedBlocks } from "../../ext4/copy-volume.ts";
import { withDeadline } from "../../lib/deadline.ts";
import { BangerError, asBangerError } from "../../lib/errors.ts";
import { ARCHIVE_END, fileHeader, padding } from "../../formats/tar/tar-writer.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { Image } from "../../model/image.ts";
import type { Volume } from "../../model/image-parts.ts";
import type { InitPolicy } from "../../model/init-policy.ts";
import type { Vm } from "../../model/vm.ts";
import { createVm, forgetVm, planNewVm, startVm, stopVm } from "../vms/index.ts";
import { runInGuest, type GuestCommand } from "./guest-command.ts";
import { AGENT_PATH } from "../images/index.ts";
import type { BuildContext } from "./build-context.ts";

/** Time for a guest to write everything out and unmount. Emulated, with a package manager's work behind it, it takes a while. */
const SHUTDOWN_MS = 120_000;
/** It has answered the start just now. */
const AGENT_MS = 30_000;
/** Where the agent lies in a guest: in its image, or in memory where the image has none. */
const AGENT_PLACES = [AGENT_PATH, "/run/banger/agent"] as const;

export interface BuildVmRequest {
  /** The image to begin from. It need not have a row yet; nothing of it changes. */
  readonly base: Image;
  /**
   * Id of the image that is being made. The caller holds an intent `image.add` for it: should the daemon die, recovery
   * removes the VM with the rest.
   */
  readonly imageId: string;
  /** Where the new root file system goes: a path where nothing is yet, on the data's own file system. */
  readonly target: string;
  /** What the VM is called after: `build-LABEL-x1y2z`. */
  readonly label: string;
  /** Name or id of the kernel; the base's own where absent. */
  readonly kernel?: string | undefined;
  /** Size of the root disk in bytes; the base's where absent. */
  readonly sizeBytes?: number | undefined;
  readonly nat: boolean;
  /** Let it reach what listens on this host, too; default: no. */
  readonly allowHost?: boolean | undefined;
  /** What runs as PID 1 meanwhile; default `agent`: then nothing of the image's own runs beside the work. */
  readonly init?: InitPolicy | undefined;
  /** Leave the VM running when `work` fails, for someone to look into it. Its name is in the error's `data.vm`. */
  readonly keepOnFailure?: boolean | undefined;
}

/** A guest that is being worked in. */
export interface BuildGuest {
  readonly vm: Vm;
  readonly agent: AgentClient;
  /** Runs a command to its end; what it prints is told as progress. @throws BangerError `BUILD_FAILED`. */
  run(command: GuestCommand): Promise<void>;
  /** Unpacks a tar archive of one file or folder, which gets the name `path`; no tool of the image's is needed. */
  unpack(path: string, archive: Readable): Promise<void>;
  /** Writes a file, its parents made where they are missing. */
  writeFile(path: string, mode: number, content: Buffer): Promise<void>;
}

/**
 * Makes a root file system by working in a VM: boots `base` on a copy of its disk, lets `work` do what it likes in it,
 * takes the VM's identity back, shuts it down in order, and keeps its disk without its free space.
 *
 * ```ts
 * const rootfs = await buildInVm(context, { base, imageId, target, label: name, nat: true }, async (guest) => {
 *   await guest.run({ argv: ["apt-get", "install", "-y", "openssh-server"], env: {} });
 * }, operation);
 * ```
 *
 * Whether it succeeds or not, no VM is left (but see `keepOnFailure`), and nothing at `target` unless it succeeds.
 *
 * @throws BangerError `IMAGE_OUTDATED` for a base whose agent is not this banger's; `BUILD_FAILED`; what starting a VM,
 *         the agent and the disk give cause to.
 */
export async function buildInVm(
  context: BuildContext,
  request: BuildVmRequest,
  work: (guest: BuildGuest) => Promise<void>,
  asked: OperationContext,
): Promise<Volume> {
  const { vms } = context;
  await checkAgent(context, request.base);
  const planned = planBuildVm(context, request);
  return vms.queue.run(planned.id, asked.signal, async (signal) => {
    const operation = { ...asked, signal };
    const created = await createVm(vms, planned, request.base, operation);
    let keep = false;
    try {
      const vm = await startVm(vms, created, operation);
      const guest = await openGuest(context, vm, operation);
      try {
        await work(guest);
      } catch (error) {
        keep = request.keepOnFailure === true && !operation.signal.aborted;
        throw keep ? withVm(error, vm) : error;
      }
      await runAgentJob(guest.agent, ["seal"], operation);
      await stopVm(vms, vms.store.vms.get(vm.id), { timeoutMs: SHUTDOWN_MS, force: false }, operation);
      return await keepDisk(vm, request.target, operation);
    } finally {
      if (!keep) await forgetVm(vms, created.id);
    }
  });
}

/** An older agent does not know all the jobs that are asked of it here; one that an initramfs brings is of today. */
async function checkAgent(context: BuildContext, { name, agentDigest }: Image): Promise<void> {
  if (agentDigest === undefined || agentDigest === (await context.images.agent()).digest) return;
  throw new BangerError("IMAGE_OUTDATED", {
    what: `image ${name} cannot be built on`,
    why: "the agent in it was put there by another version of banger",
    fix: `put in this one's with \`banger image refresh ${name}\``,
  });
}

function planBuildVm(
  context: BuildContext,
  { base, imageId, label, kernel, sizeBytes, nat, allowHost, init }: BuildVmRequest,
): Vm {
  const planned = planNewVm(
    context.vms,
    {
      diskSizeBytes: sizeBytes,
      nat,
      publish: [],
      allowHost: allowHost ?? false,
      allowVms: false,
      env: {},
      init: init ?? "agent",
    },
    // A seed is for VMs that people work in.
    { ...base, workSeed: undefined },
    context.vms.store.kernels.get(kernel ?? base.kernel),
  );
  const host = label
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  // Its disk becomes an image's: it is a whole copy, whatever way others get theirs.
  const { diskStrategy: _diskStrategy, ...spec } = planned.spec;
  return { ...planned, spec, name: `build-${host || "image"}-${planned.id.slice(-5)}`, builds: imageId };
}

async function openGuest({ vms }: BuildContext, vm: Vm, operation: OperationContext): Promise<BuildGuest> {
  const live = vms.live.get(vm.id);
  if (live === undefined) throw new BangerError("VMM_FAILED", { what: `VM ${vm.name} is gone`, fix: "build it again" });
  const agent = await withDeadline(operation.signal, AGENT_MS, `the agent of VM ${vm.name}`, (s) => live.agent(s));
  return {
    vm,
    agent,
    run: (command) => runInGuest(agent, command, operation),
    writeFile: (path, mode, content) => runAgentJob(agent, ["unpack", path], operation, archiveOf(content, mode)),
    unpack: (path, archive) => runAgentJob(agent, ["unpack", path], operation, archive),
  };
}

/** An archive of one file. */
function archiveOf(content: Buffer, mode: number): Readable {
  return Readable.from([fileHeader("file", content.length, mode), content, padding(content.length), ARCHIVE_END]);
}

/** Runs a job of the agent's own program in its guest. */
async function runAgentJob(
  agent: AgentClient,
  words: readonly string[],
  operation: OperationContext,
  stdin?: Readable,
): Promise<void> {
  const [first, ...others] = AGENT_PLACES;
  let missing: unknown;
  for (const place of [first, ...others]) {
    try {
      await runInGuest(agent, { argv: [place, ...words], env: {}, ...(stdin && { stdin }) }, operation);
      return;
    } catch (error) {
      // Only a program that is not there may be looked for elsewhere.
      if (asBangerError(error).code !== "EXEC_FAILED") throw error;
      missing = error;
    }
  }
  throw missing;
}

/** Keeps what the guest has left, once it is known to have left it in order. */
async function keepDisk(vm: Vm, target: string, { signal, progress }: OperationContext): Promise<Volume> {
  const disk = vm.disks.find(({ id }) => id === "root");
  if (disk === undefined || disk.format !== "raw") {
    throw new BangerError("INTERNAL", { what: `VM ${vm.name} has no raw root disk`, fix: "report it" });
  }
  const event = { id: "trim", label: "keeping the disk without its free space", unit: "bytes" } as const;
  const volume = await copyUsedBlocks(disk.path, target, {
    signal,
    onProgress: (done, total) => progress({ ...event, done, total, status: "running" }),
  });
  progress({ ...event, status: "done" });
  return { path: target, ...volume };
}

function withVm(error: unknown, vm: Vm): BangerError {
  const { code, what, why, fix, data } = asBangerError(error);
  return new BangerError(code, {
    what,
    ...(why !== undefined && { why }),
    fix,
    cause: error,
    data: { ...data, vm: vm.name },
  });
}
