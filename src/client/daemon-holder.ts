import { once } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import { BangerError } from "../lib/errors.ts";
import { recordedSocket } from "../lib/holder-record.ts";
import { isPrivateDirectory } from "../lib/private-directory.ts";
import { findHolder, isFrozen, type LockHolder } from "../lib/lock-holder.ts";
import { connectUnix } from "../lib/unix-socket.ts";
import { type Layout, socketsIn } from "../model/layout.ts";
import { awaitSocket } from "./await-socket.ts";

/** Between looks at a daemon that is silent. */
const LOOK_MS = 1_000;
/** A daemon that has just begun may have many VMs to take back before it listens. */
const START_MS = 50_000;
/** One that has written nothing down either has just taken the lock, or is of an earlier version. */
const UNWRITTEN_MS = 10_000;
/** One that ran before listens again within two seconds after its socket was removed. */
const AGAIN_MS = 5_000;

/** Rejects once the daemon has been found stopped by a signal twice in a row; never while it runs, however busy it is. */
export async function untilFrozen(layout: Layout, signal: AbortSignal): Promise<never> {
  for (let frozen = 0; ; await after(LOOK_MS, undefined, { signal })) {
    const holder = await findHolder(layout.lockFile);
    frozen = holder !== undefined && (await isFrozen(holder.pid)) ? frozen + 1 : 0;
    if (holder !== undefined && frozen > 1) throw await cannotAnswer(layout, holder);
  }
}

/**
 * Finds the socket of the daemon that holds the lock, and waits until it accepts connections.
 *
 * @throws BangerError `DAEMON_UNREACHABLE` with who holds the lock and the way out; the signal's reason.
 */
export async function reachHolder(layout: Layout, signal: AbortSignal): Promise<string> {
  const holder = await findHolder(layout.lockFile);
  if (holder !== undefined && (await isFrozen(holder.pid))) throw await cannotAnswer(layout, holder);
  const socket = holder?.socket ?? (await earlierSocket(layout)) ?? layout.socket;
  const patience = holder?.since === undefined ? UNWRITTEN_MS : Math.max(AGAIN_MS, START_MS - msSince(holder.since));
  const limit = AbortSignal.timeout(patience);
  try {
    await awaitSocket(socket, AbortSignal.any([signal, limit]));
    return socket;
  } catch (error) {
    signal.throwIfAborted();
    const now = await findHolder(layout.lockFile);
    if (now !== undefined) throw await cannotAnswer(layout, now);
    throw new BangerError("DAEMON_UNREACHABLE", {
      what: "another bangerd held the state, and has ended or cannot be seen from here",
      why: `nothing answered on ${socket} within ${patience / 1000} s`,
      fix: "try again; if it happens again, see `banger daemon logs`",
      cause: error,
    });
  }
}

/** Resolves once a daemon listens, whoever starts it; gives its socket. Rejects with the signal's reason. */
export async function awaitDaemon(layout: Layout, signal: AbortSignal): Promise<string> {
  const socket = recordedSocket(layout.lockFile) ?? layout.socket;
  await awaitSocket(socket, signal);
  return socket;
}

/** Why a daemon that runs cannot be reached; undefined where none runs. */
export async function whyUnreachable(layout: Layout): Promise<BangerError | undefined> {
  const holder = await findHolder(layout.lockFile);
  return holder === undefined ? undefined : cannotAnswer(layout, holder);
}

/** What a user is told of a daemon that holds the lock and cannot be spoken to. */
async function cannotAnswer(layout: Layout, holder: LockHolder): Promise<BangerError> {
  const { pid, since, socket = layout.socket } = holder;
  const frozen = await isFrozen(pid);
  return new BangerError("DAEMON_UNREACHABLE", {
    what: `bangerd runs and does not answer: pid ${pid}${since === undefined ? "" : `, since ${since}`}`,
    why: frozen ? "the process is stopped, as by SIGSTOP" : `nothing answers on its socket, ${socket}`,
    fix: frozen
      ? `let it go on with \`kill -CONT ${pid}\`, or end it with \`banger daemon stop\`: running VMs go on`
      : "end it with `banger daemon stop`, and the next command starts another: running VMs go on",
    data: { pid, socket, ...(since !== undefined && { since }) },
  });
}

/** Where daemons of earlier versions listen, which write no socket down; undefined where none does. */
export async function earlierSocket(layout: Layout): Promise<string | undefined> {
  const { socket } = socketsIn(layout.otherRunDir);
  if (!isPrivateDirectory(layout.otherRunDir)) return undefined;
  const knock = connectUnix(socket);
  try {
    await once(knock, "connect");
    return socket;
  } catch {
    return undefined;
  } finally {
    knock.destroy();
  }
}

function msSince(time: string): number {
  return Date.now() - Date.parse(time);
}
