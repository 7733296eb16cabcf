import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as after } from "node:timers/promises";
import { withDeadline } from "../../lib/deadline.ts";
import { openEmptied, removeSocket, signalProcess } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { failedBefore } from "../../lib/launch.ts";
import { isAlive, type ProcessIdentity } from "../../lib/process-identity.ts";
import type { PublishedPort } from "../../model/published-port.ts";
import { applySteps, nftScript, type ApplyOptions } from "../steps.ts";
import { followAddresses } from "./follow-addresses.ts";
import { launchKeeper } from "./launch-keeper.ts";
import { enterWords, holderWords, planNamespace, renewedRules, slirpArguments } from "./namespace-plan.ts";
import { addForward } from "./slirp-api.ts";

/** For unshare(1) and slirp4netns to begin their work; they take milliseconds. */
const LIMIT_MS = 10_000;
/** Between looks at a process that tells of its progress by nothing but what it is. */
const LOOK_MS = 5;
const READY_FD = 3;
/** Of what slirp4netns said, in an error. */
const MAX_SAID = 2_000;

export interface NamespaceRequest {
  readonly instance: string;
  readonly vmId: string;
  /** For slirp4netns's socket and log; ends with the run. */
  readonly runDir: string;
  readonly rootless: boolean;
  readonly publish: readonly PublishedPort[];
  readonly allowHost: boolean;
  readonly hostAddresses: readonly string[];
}

/** A namespace with all that a VM needs in it, and what keeps it so. */
export interface Namespace {
  readonly enter: readonly string[];
  readonly processes: readonly ProcessIdentity[];
}

/**
 * Makes a VM's namespace with its TAP device, joined to the outside. When this fails nothing of it is left.
 *
 * @throws BangerError `NETWORK_FAILED`, `PORT_TAKEN`, `TOOL_MISSING`, `TOOL_FAILED`.
 */
export async function openNamespace(
  request: NamespaceRequest,
  signal: AbortSignal,
  before?: ApplyOptions["before"],
): Promise<Namespace> {
  const { rootless, publish, allowHost } = request;
  const processes: ProcessIdentity[] = [];
  try {
    const holder = await startHolder(request, signal);
    processes.push(holder);
    const apiSocket = join(request.runDir, "slirp4netns.sock");
    await removeSocket(
      apiSocket,
      "a name of ours in the VM's run folder; the namespace is new, so nobody listens there",
    );
    processes.push(
      await joinOutside(request, slirpArguments(holder.pid, basename(apiSocket), READY_FD, allowHost), signal),
    );
    const enter = enterWords(holder.pid, rootless);
    await applySteps(planNamespace(request), { signal, enter, ...(before !== undefined && { before }) });
    if (!allowHost) processes.push(...(await followAddresses({ ...request, enter }, signal)));
    for (const port of publish) await addForward(apiSocket, port, signal);
    return { enter, processes };
  } catch (error) {
    await closeNamespace(processes);
    throw error;
  }
}

/**
 * Has the wall of a namespace that is there follow the host's addresses again, where what did so has ended, or where an
 * older banger made it, which had none.
 *
 * @param processes what keeps the namespace: the holder, slirp4netns, and what follows.
 * @returns what keeps it now; undefined where nothing was amiss.
 * @throws BangerError as {@link openNamespace}; the namespace stays as it is.
 */
export async function mendWall(
  request: Omit<NamespaceRequest, "publish">,
  processes: readonly ProcessIdentity[],
  signal: AbortSignal,
): Promise<readonly ProcessIdentity[] | undefined> {
  const [holder, slirp, ...following] = processes;
  if (request.allowHost || holder === undefined || slirp === undefined || !(await isAlive(holder))) return undefined;
  const alive = await Promise.all(following.map(isAlive));
  if (alive.length > 0 && alive.every(Boolean)) return undefined;
  await closeNamespace(following);
  const enter = enterWords(holder.pid, request.rootless);
  await applySteps([nftScript(renewedRules(request))], { signal, enter });
  return [holder, slirp, ...(await followAddresses({ ...request, enter }, signal))];
}

/** Ends what keeps a namespace; with the last process in it, it is gone and all that was made in it. */
export async function closeNamespace(processes: readonly ProcessIdentity[]): Promise<void> {
  for (const identity of processes)
    await signalProcess(identity, "SIGKILL", "the VM's record, or this call, has it by pid, start and boot");
  for (const identity of processes) while (await isAlive(identity)) await after(LOOK_MS);
}

async function startHolder({ instance, vmId, rootless }: NamespaceRequest, signal: AbortSignal) {
  const [program = "", ...args] = holderWords(rootless);
  const stdio = ["ignore", "ignore", "ignore"] as const;
  const { identity } = await launchKeeper({ instance, vmId }, { program, args, stdio });
  const { pid } = identity;
  try {
    // It becomes the program that it holds the namespace with once the namespace is there.
    await withDeadline(signal, LIMIT_MS, "a network namespace", async (within) => {
      while (!(await commandOf(pid)).startsWith("sleep\0")) {
        if (!(await isAlive(identity))) throw failure(`${program} could not make a network namespace`);
        await after(LOOK_MS, undefined, { signal: within });
      }
    });
    return identity;
  } catch (error) {
    await closeNamespace([identity]);
    throw error;
  }
}

async function commandOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
}

/** Starts slirp4netns and waits until its device is in the namespace. */
async function joinOutside({ instance, vmId, runDir }: NamespaceRequest, args: readonly string[], signal: AbortSignal) {
  const logPath = join(runDir, "slirp4netns.log");
  const log = await openEmptied(logPath, 0o600, "slirp4netns's log, in the VM's run folder");
  try {
    const stdio: ("ignore" | "pipe" | number)[] = ["ignore", log.fd, log.fd];
    stdio[READY_FD] = "pipe";
    const program = "slirp4netns";
    const { child, identity } = await launchKeeper({ instance, vmId }, { program, args, cwd: runDir, stdio });
    try {
      const ready = child.stdio[READY_FD];
      if (!(ready instanceof Readable)) throw failure("slirp4netns's readiness cannot be heard");
      await withDeadline(signal, LIMIT_MS, "slirp4netns", async (within) => {
        const first = await Promise.race([
          once(ready, "data", { signal: within }).then(() => "ready" as const),
          child.ended.then(() => "ended" as const),
        ]);
        if (first === "ended") throw await endedAtOnce(program, logPath);
      });
      ready.destroy();
      return identity;
    } catch (error) {
      await closeNamespace([identity]);
      throw error;
    }
  } finally {
    await log.close();
  }
}

async function endedAtOnce(program: string, logPath: string): Promise<BangerError> {
  const said = (await readFile(logPath, "utf8").catch(() => "")).trim().slice(-MAX_SAID);
  return failedBefore(said, { program }) ?? failure(`${program} ended as soon as it ran`, said);
}

function failure(what: string, why = ""): BangerError {
  return new BangerError("NETWORK_FAILED", {
    what,
    ...(why !== "" && { why }),
    fix: "run `banger doctor`: it says which ways of making a network this host has",
  });
}
