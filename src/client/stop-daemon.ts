import { once } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import { withDeadline } from "../lib/deadline.ts";
import { signalProcess } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import { findHolder, type LockHolder } from "../lib/lock-holder.ts";
import { isAlive } from "../lib/process-identity.ts";
import { connectUnix } from "../lib/unix-socket.ts";
import type { Layout } from "../model/layout.ts";
import type { Client } from "./client.ts";
import { isNobodyThere } from "./daemon-errors.ts";

/** Time to take the request, over its socket. */
const ASK_MS = 3_000;
/** Time to end by itself: open requests are ended, so there is little to wait for. */
const GRACE_MS = 10_000;
/** The kernel gives back what a killed process had. */
const KILL_MS = 10_000;
/** Between looks at a process that is no child of ours: Node cannot wait for it. */
const LOOK_MS = 20;

/** How the daemon came to its end: by itself, by SIGKILL, or it did not run. */
export type DaemonEnd = "stopped" | "killed" | "absent";

/**
 * Ends the daemon: asks it over its socket, and where that does not do, signals the process that holds the lock. VMs that
 * run go on.
 *
 * @param force ends it at once, as a crash would; the next daemon recovers.
 * @throws BangerError `DAEMON_UNREACHABLE` when the kernel does not let it end.
 */
export async function stopDaemon(
  layout: Layout,
  client: Client,
  { socketPath, force }: { readonly socketPath: string; readonly force: boolean },
): Promise<DaemonEnd> {
  const holder = await findHolder(layout.lockFile);
  if (holder === undefined) return askToEnd(client, socketPath, GRACE_MS);
  if (force) return killDaemon(holder);
  try {
    await askToEnd(client, holder.socket ?? socketPath, ASK_MS);
  } catch {
    // Its process can be told without a socket.
  }
  await signalProcess(holder, "SIGTERM", "asked for by daemon stop; it holds the lock's file open");
  // One that was stopped by a signal hears no other before it goes on.
  await signalProcess(holder, "SIGCONT", "asked for by daemon stop; it holds the lock's file open");
  return (await isGoneWithin(holder, GRACE_MS)) ? "stopped" : killDaemon(holder);
}

/** A connection without a request: its end is the daemon's end. */
async function askToEnd(client: Client, socketPath: string, limitMs: number): Promise<DaemonEnd> {
  const line = connectUnix(socketPath);
  try {
    await once(line, "connect");
  } catch (error) {
    if (isNobodyThere(error)) return "absent";
    throw error;
  }
  line.on("error", () => {});
  const gone = once(line.resume(), "close");
  try {
    await withDeadline(new AbortController().signal, limitMs, "bangerd to end", async (signal) => {
      await client.call("daemonStop", {}, { signal });
      await Promise.race([gone, once(signal, "abort")]);
      signal.throwIfAborted();
    });
    return "stopped";
  } finally {
    line.destroy();
  }
}

async function killDaemon(holder: LockHolder): Promise<DaemonEnd> {
  await signalProcess(
    holder,
    "SIGKILL",
    "asked for by daemon stop; it held the lock's file open, and did not end in time",
  );
  if (await isGoneWithin(holder, KILL_MS)) return "killed";
  throw new BangerError("DAEMON_UNREACHABLE", {
    what: `bangerd, pid ${holder.pid}, was killed and does not end`,
    why: "the kernel waits for something in it, as a file system that does not answer",
    fix: `see what it waits for: \`cat /proc/${holder.pid}/wchan\``,
    data: { pid: holder.pid },
  });
}

async function isGoneWithin(holder: LockHolder, limitMs: number): Promise<boolean> {
  for (const until = Date.now() + limitMs; await isAlive(holder); await after(LOOK_MS)) {
    if (Date.now() > until) return false;
  }
  return true;
}
