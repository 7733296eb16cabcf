import { once } from "node:events";
import { dirname, join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { removeSocket } from "../../lib/destroy.ts";
import type { ChildEnd, LaunchedChild } from "../../lib/launch.ts";
import type { ProcessIdentity } from "../../lib/process-identity.ts";
import { isAlive } from "../../lib/process-identity.ts";
import { keepBounded } from "../bounded-log.ts";
import type { Machine, MachineExit } from "../driver.ts";
import { endProcess, untilGone } from "../end-process.ts";
import { readTail } from "../read-tail.ts";
import type { FirecrackerApi } from "./api.ts";
import { isListening } from "../socket-path.ts";
import { connectionClosed } from "./await-socket.ts";
import { openConsole } from "./console.ts";
import { explainEnd } from "./exit-reason.ts";
import type { FirecrackerRecord } from "./firecracker-record.ts";
import { keepMetrics } from "./keep-metrics.ts";
import { cannotPause, featuresOf, type FirecrackerVersion } from "./version.ts";

/** A kernel's panic with its call trace fits well into this. */
const CONSOLE_END_BYTES = 16 * 1024;
/** The line that says what went wrong is followed by some that say that it did. */
const LOG_END_BYTES = 16 * 1024;
/** Between two connections to one that closes them. */
const LOOK_MS = 10;
const MAX_CONSOLE_LOG_BYTES = 4 * 1024 ** 2;

/** A Firecracker process whose API answers, whether we started it or found it. */
export interface RunningFirecracker {
  readonly record: FirecrackerRecord;
  readonly version: FirecrackerVersion;
  readonly api: FirecrackerApi;
  /** Present when it is our child. */
  readonly child?: Pick<LaunchedChild, "ended" | "release">;
  /** Files that go with it: sockets and FIFOs. */
  readonly leavings: readonly string[];
}

/** The driver's handle on a running Firecracker. */
export function firecrackerMachine(firecracker: RunningFirecracker): Machine {
  const { record, api, version } = firecracker;
  const runDir = dirname(record.controlSocket);
  const identity: ProcessIdentity = record;
  const life = new AbortController();
  void keepBounded(record.consoleLog, MAX_CONSOLE_LOG_BYTES, life.signal);
  void keepMetrics(join(runDir, "metrics.fifo"), join(runDir, "metrics.json"), life.signal);
  const exited = untilExit(firecracker, runDir, identity, life.signal).finally(() => life.abort());
  const setState = (state: "Paused" | "Resumed", signal: AbortSignal): Promise<void> =>
    api.send({ method: "PATCH", path: "/vm", body: { state } }, signal);
  return {
    record,
    line: record.line,
    exited,
    ...(featuresOf(version).resumesVsock
      ? { pause: (signal: AbortSignal) => setState("Paused", signal) }
      : { lacks: { pause: cannotPause(version.text) } }),
    // A guest whose write has no room gets an I/O error (src/vmm/src/devices/virtio/block), and makes its file system
    // read-only: it is never stopped.
    resume: (signal) => setState("Resumed", signal),
    isPaused: async (signal) => (await api.instance(signal)).state === "Paused",
    console: () => openConsole(record.consoleLog, record.own.consoleInput),
    // A guest without a keyboard driver hears nothing of it, and Firecracker says the same: its end is the only proof.
    requestShutdown: (signal) =>
      api.send({ method: "PUT", path: "/actions", body: { action_type: "SendCtrlAltDel" } }, signal),
    kill: (graceMs) => endProcess(identity, life.signal.aborted ? untilGone(identity) : exited, graceMs),
    release() {
      life.abort();
      firecracker.child?.release();
    },
  };
}

/** Resolves when the process is gone and what it left is removed; not at all once we have let go of it. */
async function untilExit(
  { record, child, leavings }: RunningFirecracker,
  runDir: string,
  identity: ProcessIdentity,
  released: AbortSignal,
): Promise<MachineExit> {
  const gone = child === undefined ? strangerEnded(record.controlSocket, identity, released) : child.ended;
  const end = await Promise.race([gone, whenAborted(released)]);
  if (end === undefined || released.aborted) return new Promise(() => {});
  const [console, log, said] = await Promise.all([
    readTail(record.consoleLog, CONSOLE_END_BYTES),
    readTail(join(runDir, "firecracker.log"), LOG_END_BYTES),
    readTail(join(runDir, "firecracker.err"), LOG_END_BYTES),
  ]);
  for (const path of leavings)
    await removeSocket(path, "a socket or FIFO of this machine by its record; its Firecracker has ended");
  return explainEnd({ ...end, log, said: said.trim(), console });
}

/** The end of a process that is not our child: its connections close, and nobody listens any more. */
async function strangerEnded(socket: string, identity: ProcessIdentity, released: AbortSignal): Promise<ChildEnd> {
  do {
    await connectionClosed(socket, released);
    if (released.aborted) return {};
    await after(LOOK_MS);
    // One that closed a connection and lives on is connected to again.
  } while ((await isAlive(identity)) && (await isListening(socket)));
  return untilGone(identity);
}

async function whenAborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}
