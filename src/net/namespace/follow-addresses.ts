import { once } from "node:events";
import { constants } from "node:fs";
import { open, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as after } from "node:timers/promises";
import { withDeadline } from "../../lib/deadline.ts";
import { openEmptied, removeSocket, signalProcess } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { run } from "../../lib/process.ts";
import { isAlive, type ProcessIdentity } from "../../lib/process-identity.ts";
import { launchKeeper } from "./launch-keeper.ts";
import { HOST_WALL } from "./namespace-plan.ts";

/** Until the host's addresses are followed; it takes some 20 ms. */
const LIMIT_MS = 10_000;
const LOOK_MS = 5;
const READY_FD = 3;
const MAX_SAID = 2_000;

/**
 * Keeps the wall's rules those of the addresses that the host takes packets for, in its table `local`. It reads
 * ip-monitor(8), and at each change lists them all anew: one listing covers all changes before it, and a line that was
 * lost. One transaction closes what is new and opens what went. When it can no longer know, it closes everything.
 *
 * The words that enter the namespace are its arguments. It is a shell's script because it lives as long as the VM, beside
 * each: a shell takes 1 MB, another Node 45.
 */
const SCRIPT = `
shut() { echo "flush chain ${HOST_WALL}; add rule ${HOST_WALL} reject with icmpx admin-prohibited" | "$@" nft -f -; }
keep() {
  listed=$(ip -4 -o route show table local type local) || return 1
  {
    echo "flush chain ${HOST_WALL}"
    echo "$listed" | while read -r _ address _; do
      case $address in
        "" | default) ;;
        *) echo "add rule ${HOST_WALL} ip daddr $address reject with icmpx admin-prohibited" ;;
      esac
    done
  } | "$@" nft -f -
}
if keep "$@"; then
  echo ready >&${READY_FD}
  exec ${READY_FD}>&-
  while read -r change; do
    case $change in
      *local* | *netlink*) keep "$@" || break ;;
    esac
  done
fi
shut "$@"
`;

export interface FollowRequest {
  readonly instance: string;
  readonly vmId: string;
  /** For a log; ends with the run. */
  readonly runDir: string;
  /** Words that enter the VM's namespace. */
  readonly enter: readonly string[];
}

/**
 * Has the wall of a namespace follow the host's addresses for as long as the processes live: without a daemon, too.
 *
 * @returns once the wall holds what the host has now, and nothing that comes is missed.
 * @throws BangerError `NETWORK_FAILED`, `TOOL_MISSING`, `TOOL_FAILED`; then nothing is left.
 */
export async function followAddresses(
  request: FollowRequest,
  signal: AbortSignal,
): Promise<readonly ProcessIdentity[]> {
  const { runDir, enter } = request;
  const pipePath = join(runDir, "addresses");
  const logPath = join(runDir, "addresses.log");
  const started: ProcessIdentity[] = [];
  await removeSocket(pipePath, "a name of ours in the VM's run folder, which is this start's");
  await run("mkfifo", ["-m", "600", pipePath], { signal });
  try {
    await using log = await openEmptied(logPath, 0o600, "our own log of this wall, in the VM's run folder");
    // Held open both ways, so that neither end waits for the other to be opened.
    await using _held = await open(pipePath, "r+");
    await using changes = await open(pipePath, "r");
    await using teller = await open(pipePath, constants.O_WRONLY);
    const monitor = await launchKeeper(request, {
      program: "ip",
      args: ["-4", "-o", "monitor", "route"],
      stdio: ["ignore", teller.fd, teller.fd],
    });
    started.push(monitor.identity);
    return await withDeadline(signal, LIMIT_MS, "the host's addresses to be followed", async (within) => {
      while (!(await hearsRoutes(monitor.identity.pid))) {
        if (!(await isAlive(monitor.identity))) throw failure("ip monitor ended as soon as it ran");
        await after(LOOK_MS, undefined, { signal: within });
      }
      const args = ["-c", SCRIPT, "follow-addresses", ...enter];
      const keeper = await launchKeeper(request, { program: "sh", args, stdio: [changes.fd, log.fd, log.fd, "pipe"] });
      started.push(keeper.identity);
      const ready = keeper.child.stdio[READY_FD];
      if (!(ready instanceof Readable)) throw failure("its readiness cannot be heard");
      const [first] = await Promise.race([once(ready, "data", { signal: within }), keeper.child.ended.then(() => [])]);
      ready.destroy();
      if (first === undefined) throw failure((await readFile(logPath, "utf8")).trim().slice(-MAX_SAID));
      return started;
    });
  } catch (error) {
    for (const identity of started)
      await signalProcess(identity, "SIGKILL", "started by this very call, known by its start");
    throw error;
  } finally {
    await removeSocket(pipePath, "made by this very call");
  }
}

/** Whether a process has joined a group of routing netlink (protocol 0 in /proc/net/netlink): from then on it misses nothing. */
async function hearsRoutes(pid: number): Promise<boolean> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => "")));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const table = await readFile(`/proc/${pid}/net/netlink`, "latin1").catch(() => "");
  return table.split("\n").some((line) => {
    const [, protocol, , groups = ""] = line.trim().split(/\s+/);
    return protocol === "0" && Number.parseInt(groups, 16) > 0 && inodes.has(line.trim().split(/\s+/).at(-1) ?? "");
  });
}

function failure(why: string): BangerError {
  return new BangerError("NETWORK_FAILED", {
    what: "the wall between this VM and its host would not follow the host's addresses",
    ...(why !== "" && { why }),
    fix: "run `banger doctor`: it says which ways of making a network this host has",
  });
}
