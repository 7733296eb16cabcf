import { once } from "node:events";
import { z } from "zod";
import { removeSocket } from "../../lib/destroy.ts";
import type { LaunchedChild } from "../../lib/launch.ts";
import type { ProcessIdentity } from "../../lib/process-identity.ts";
import { connectUnix } from "../../lib/unix-socket.ts";
import type { DiskError, Machine, MachineExit } from "../driver.ts";
import { keepBounded } from "../bounded-log.ts";
import { endProcess, untilGone } from "../end-process.ts";
import { diskErrorOf, fullDiskIn } from "./disk-errors.ts";
import { explainEnd } from "./exit-reason.ts";
import type { QemuRecord } from "./qemu-record.ts";
import type { Qmp } from "./qmp.ts";
import type { QmpEvent } from "./qmp-messages.ts";
import { readTail } from "../read-tail.ts";

/** A kernel's panic with its call trace fits well into this. */
const CONSOLE_END_BYTES = 16 * 1024;
const VMM_LOG_END_BYTES = 2 * 1024;
const MAX_CONSOLE_LOG_BYTES = 4 * 1024 ** 2;

/** StatusInfo of qapi/run-state.json. */
const statusSchema = z.object({ running: z.boolean(), status: z.string() });
/** Of RunState in the same file: what QEMU comes to by itself, and does not leave without being told to. */
const STOPPED_BY_QEMU: ReadonlySet<string> = new Set([
  "internal-error",
  "io-error",
  "guest-panicked",
  "watchdog",
  "debug",
]);

/** A QEMU process that we are connected to, whether we started it or found it. */
export interface RunningQemu {
  readonly record: QemuRecord;
  readonly qmp: Qmp;
  readonly events: QemuEvents;
  /** Present when it is our child. */
  readonly child?: Pick<LaunchedChild, "ended" | "release">;
  readonly vmmLog: string;
  /** Its sockets, removed when it is gone. */
  readonly sockets: readonly string[];
}

/** What QEMU told while we were connected; filled as its events come. */
export interface QemuEvents {
  shutdownReason?: string;
  onDiskError?: (error: DiskError) => void;
  /** The event has no reason. */
  onStop?: () => void;
}

export function noteEvent(events: QemuEvents, { event, data }: QmpEvent): void {
  if (event === "SHUTDOWN" && typeof data["reason"] === "string") events.shutdownReason = data["reason"];
  const error = event === "BLOCK_IO_ERROR" ? diskErrorOf(data) : undefined;
  if (error !== undefined) events.onDiskError?.(error);
  if (event === "STOP") events.onStop?.();
}

/** The driver's handle on a running QEMU. */
export function qemuMachine(qemu: RunningQemu): Machine {
  const { record, qmp, events } = qemu;
  const identity: ProcessIdentity = record;
  const life = new AbortController();
  const whyStopped = async (signal: AbortSignal): Promise<string | undefined> => {
    const { status } = statusSchema.parse(await qmp.execute("query-status", {}, signal));
    if (!STOPPED_BY_QEMU.has(status)) return undefined;
    const isForDisk = status === "io-error" && fullDiskIn(await qmp.execute("query-block", {}, signal)) !== undefined;
    return isForDisk ? undefined : status;
  };
  void keepBounded(record.consoleLog, MAX_CONSOLE_LOG_BYTES, life.signal);
  const exited = untilExit(qemu, identity, life.signal).finally(() => life.abort());
  return {
    record,
    line: record.line,
    exited,
    async pause(signal) {
      await qmp.execute("stop", {}, signal);
    },
    async resume(signal) {
      await qmp.execute("cont", {}, signal);
    },
    async isPaused(signal) {
      const status = statusSchema.parse(await qmp.execute("query-status", {}, signal));
      return !status.running;
    },
    ownStops: {
      async forDisk(signal) {
        return fullDiskIn(await qmp.execute("query-block", {}, signal));
      },
      reason: whyStopped,
      onDiskError(hear) {
        events.onDiskError = hear;
      },
      onStopped(hear) {
        events.onStop = () => {
          const told = whyStopped(life.signal).then((reason) => reason !== undefined && hear(reason));
          told.catch(() => {}); // Its end is told by `exited`.
        };
      },
    },
    async console(signal) {
      const socket = connectUnix(record.own.consoleSocket);
      await once(socket, "connect", { signal });
      return socket;
    },
    // A microvm runs without ACPI, and so without a button.
    ...(record.machine !== "microvm" && {
      async requestShutdown(signal: AbortSignal) {
        await qmp.execute("system_powerdown", {}, signal);
      },
    }),
    async kill(graceMs) {
      // Once released, its end is told to nobody, but it can be looked for.
      await endProcess(identity, life.signal.aborted ? untilGone(identity) : exited, graceMs);
    },
    release() {
      life.abort();
      qmp.close();
      qemu.child?.release();
    },
  };
}

/** Resolves when the process is gone and what it left is removed; not at all once we have let go of it. */
async function untilExit(
  { record, qmp, events, child, vmmLog, sockets }: RunningQemu,
  identity: ProcessIdentity,
  released: AbortSignal,
): Promise<MachineExit> {
  await qmp.closed;
  if (released.aborted) return new Promise(() => {});
  const end = await (child?.ended ?? untilGone(identity));
  const [console, said] = await Promise.all([
    readTail(record.consoleLog, CONSOLE_END_BYTES),
    readTail(vmmLog, VMM_LOG_END_BYTES),
  ]);
  for (const path of sockets) await removeSocket(path, "a socket of this machine by its record; its QEMU has ended");
  return explainEnd({ ...events, ...end, said: said.trim(), console });
}
