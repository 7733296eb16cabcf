import { once } from "node:events";
import type { Readable } from "node:stream";
import { dirname } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { signalChild } from "../lib/destroy.ts";
import { spawnConfined } from "../lib/launch.ts";
import type { Accel } from "../model/vm.ts";
import { KVM_PROBE_EXIT_STATUS } from "./kvm-probe-guest.ts";

/** What became of one run of the probe guest. */
export interface ProbeRun {
  /** It ran to its end and said so. */
  readonly finished: boolean;
  /** The letter of the last step it began. */
  readonly lastStep?: string | undefined;
  /** The first line that QEMU wrote to its standard error. */
  readonly said: string;
}

const MAX_KEPT_BYTES = 64 * 1024;

/** The microvm that VMs run in, and no more than the guest's two ports. Descriptor 3 takes the letters of its steps. */
function probeArguments(guest: string, accel: Accel): readonly string[] {
  const options: readonly (readonly string[])[] = [
    ["-machine", "microvm,acpi=off,rtc=on,isa-serial=off,x-option-roms=off"],
    ["-accel", accel],
    ["-cpu", accel === "kvm" ? "host" : "max"],
    ["-m", "16M"],
    ["-nodefaults"],
    ["-no-user-config"],
    ["-display", "none"],
    ["-no-reboot"],
    ["-kernel", guest],
    ["-chardev", "socket,id=steps,fd=3"],
    ["-device", "isa-debugcon,iobase=0xe9,chardev=steps"],
    ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"],
    ["-qmp", "stdio"],
  ];
  return options.flat();
}

/**
 * Runs the probe guest until it ends, QEMU stops it (an internal error of KVM), or the time is up.
 * No process is left, whatever happens.
 */
export async function runProbeGuest(
  binary: string,
  guest: string,
  accel: Accel,
  limitMs: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<ProbeRun> {
  signal.throwIfAborted();
  const child = spawnConfined({
    program: binary,
    args: probeArguments(guest, accel),
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    cwd: dirname(guest), // Where KVM is broken QEMU may abort, and dump its core.
    session: "ours",
  });
  const exited = once(child, "close").then(
    ([status]: unknown[]) => status,
    () => undefined,
  );
  const [input, events, errors, steps] = child.stdio;
  if (input === null || events === null || errors === null)
    throw new Error("a process without the pipes that were asked for");
  const seen = keepText(steps as Readable);
  const said = keepText(errors);
  input.on("error", () => {}); // It may be gone before it reads this.
  input.write('{"execute":"qmp_capabilities"}\n');

  const over = new AbortController();
  const whenOver = { signal: AbortSignal.any([over.signal, signal]) };
  const outcome = await Promise.race([
    exited,
    stopped(events).then(() => undefined),
    after(limitMs, undefined, whenOver).catch(() => undefined),
  ]);
  over.abort();
  signalChild(child, "SIGKILL", "our own child, by its handle");
  await exited;
  signal.throwIfAborted();
  return {
    finished: outcome === KVM_PROBE_EXIT_STATUS,
    lastStep: seen().at(-1),
    said: said().trim().split("\n")[0] ?? "",
  };
}

/** Resolves when QEMU tells that it stopped the machine, which nobody asked it to. */
async function stopped(events: Readable): Promise<void> {
  const found = Promise.withResolvers<void>();
  let text = "";
  events.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString("latin1")).slice(-MAX_KEPT_BYTES);
    if (text.includes('"event": "STOP"')) found.resolve();
  });
  await found.promise;
}

function keepText(stream: Readable): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    if (text.length < MAX_KEPT_BYTES) text += chunk.toString("latin1");
  });
  stream.on("error", () => {});
  return () => text;
}
