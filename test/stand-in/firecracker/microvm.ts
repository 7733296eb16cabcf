import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Duplex, Readable } from "node:stream";
import { setTimeout as after } from "node:timers/promises";
import { isatty } from "node:tty";
import { z } from "zod";
import { openQmp, type Qmp } from "../../../src/vmm/qemu/qmp.ts";
import type { Configuration } from "./configuration.ts";
import { qemuArguments } from "./qemu-arguments.ts";
import { spawnChained } from "./spawn-chained.ts";
import type { VsockFront } from "./vsock-front.ts";

const ELF_MAGIC = Buffer.from("\x7fELF", "latin1");
const START_MS = 30_000;
/** Between two looks at the guest's driver. */
const LOOK_MS = 10;
const SETTLE_MS = 50;

/** A machine that runs. */
export interface Microvm {
  /** Settles when it is gone: true when the guest ended it. */
  readonly ended: Promise<boolean>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  pressCtrlAltDel(): Promise<void>;
}

/**
 * Boots the machine that was configured, on QEMU. Its console is our standard input and output.
 *
 * @throws Error with what speaks against it, as InstanceStart answers it.
 */
export async function boot(configuration: Configuration, vsock: VsockFront | undefined): Promise<Microvm> {
  checkKernel(configuration.boot?.kernel_image_path ?? "");
  const { vsock: device } = configuration;
  const vsockSocket = device === undefined || vsock === undefined ? undefined : await vsock.serve(device.guest_cid);
  const argv = qemuArguments(configuration, vsockSocket);
  // Firecracker reads its console from a terminal or a FIFO, and from nothing else.
  const input = isatty(0) || fstatSync(0).isFIFO() ? 0 : "ignore";
  const child = spawnChained("qemu-system-x86_64", argv, [input, 1, "pipe", "pipe"]);
  const said = collect(child.stderr);
  let reason = "";
  const ended = once(child, "exit").then(() => reason.startsWith("guest-"));
  try {
    const monitor = child.stdio[3] as Duplex;
    const note = ({ event, data }: { event: string; data: Record<string, unknown> }): void => {
      if (event === "SHUTDOWN" && typeof data["reason"] === "string") ({ reason } = data as { reason: string });
    };
    const qmp = await openQmp(monitor, note, AbortSignal.timeout(START_MS));
    if (vsock !== undefined)
      void driverUp(qmp).then(
        () => vsock.open(),
        () => {},
      );
    return machine(child, qmp, ended);
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    throw new Error(`Internal error: ${said().trim() || String(error)}`, { cause: error });
  }
}

function machine(child: ChildProcess, qmp: Qmp, ended: Promise<boolean>): Microvm {
  const execute = async (command: string, args: Record<string, unknown> = {}): Promise<void> => {
    await qmp.execute(command, args, AbortSignal.timeout(START_MS));
  };
  child.stderr?.pipe(process.stderr);
  return {
    ended,
    pause: () => execute("stop"),
    resume: () => execute("cont"),
    pressCtrlAltDel: () =>
      execute("send-key", { keys: ["ctrl", "alt", "delete"].map((data) => ({ type: "qcode", data })) }),
  };
}

/** What `x-query-virtio` and `x-query-virtio-status` answer, as far as it is read here (qapi/virtio.json). */
const devicesSchema = z.array(z.object({ path: z.string(), name: z.string() }));
const statusSchema = z.object({ status: z.object({ statuses: z.array(z.string()) }) });

/** Resolves when the guest's driver of the vsock works; rejects when the machine is gone. QEMU tells it to who asks only. */
async function driverUp(qmp: Qmp): Promise<void> {
  const ask = (command: string, args: Record<string, unknown> = {}): Promise<unknown> =>
    qmp.execute(command, args, AbortSignal.timeout(START_MS));
  const devices = devicesSchema.parse(await ask("x-query-virtio"));
  const path = devices.find(({ name }) => name.includes("vsock"))?.path;
  for (;;) {
    const { status } = statusSchema.parse(await ask("x-query-virtio-status", { path }));
    if (status.statuses.some((word) => word.includes("DRIVER_OK"))) break;
    await after(LOOK_MS);
  }
  // The device may still read what QEMU wrote to it.
  await after(SETTLE_MS);
}

/** Firecracker looks into the file when the machine starts, not when it is told of it. */
function checkKernel(path: string): void {
  const fd = openSync(path, "r");
  try {
    const magic = Buffer.alloc(ELF_MAGIC.length);
    readSync(fd, magic, 0, magic.length, 0);
    if (!magic.equals(ELF_MAGIC)) {
      throw new Error(
        "Cannot load kernel due to invalid memory configuration or invalid kernel image: Kernel Loader: failed to load ELF kernel image",
      );
    }
  } finally {
    closeSync(fd);
  }
}

function collect(stream: Readable | null): () => string {
  let text = "";
  stream?.on("data", (chunk: Buffer) => (text = (text + chunk.toString("utf8")).slice(0, 4096)));
  return () => text;
}
