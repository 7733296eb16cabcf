import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { Duplex } from "node:stream";
import { BangerError } from "../../lib/errors.ts";
import type { ChildEnd } from "../end-process.ts";
import { BOOT_MONITOR_FD, type MachinePlan } from "./machine-plan.ts";

export interface QemuChild {
  readonly pid: number;
  /** Our end of the control connection that it was born with: its first words come when it is ready. */
  readonly bootMonitor: Duplex;
  /** Settles when the process is gone and reaped; never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Ends it at once. */
  kill(): void;
  /** Stops keeping this process of ours alive for its sake. */
  release(): void;
}

/**
 * Starts QEMU in a session of its own, so that it outlives us and hears no signal of our terminal.
 * Its
 * sockets are named from the run folder, which it works in. What it says goes to `vmmLog`. Words of `enter` stand before its own, and exec it: its pid is the child's.
 *
 * @throws BangerError `VMM_FAILED` when the program cannot be executed.
 */
export async function launchQemu(
  binary: string,
  { argv, runDir, vmmLog }: Pick<MachinePlan, "argv" | "runDir" | "vmmLog">,
  enter: readonly string[] = [],
): Promise<QemuChild> {
  const log = await open(vmmLog, "w", 0o600);
  try {
    // A "pipe" of Node's is one end of a pair of connected sockets.
    const stdio: ("ignore" | "pipe" | number)[] = ["ignore", log.fd, log.fd];
    stdio[BOOT_MONITOR_FD] = "pipe";
    const [program = binary, ...words] = [...enter, binary, ...argv];
    const child = spawn(program, words, { cwd: runDir, detached: true, stdio });
    const ended = once(child, "exit").then(([exitCode, signal]: unknown[]): ChildEnd => ({
      exitCode: typeof exitCode === "number" ? exitCode : undefined,
      signal: typeof signal === "string" ? (signal as NodeJS.Signals) : undefined,
    }));
    const { pid } = child;
    const bootMonitor = child.stdio[BOOT_MONITOR_FD];
    if (pid === undefined || !(bootMonitor instanceof Duplex)) {
      throw await ended.then(() => undefined, startFailed(binary));
    }
    return {
      pid,
      bootMonitor,
      ended,
      kill: () => void child.kill("SIGKILL"),
      release: () => child.unref(),
    };
  } finally {
    await log.close();
  }
}

function startFailed(binary: string): (cause: unknown) => BangerError {
  return (cause) =>
    new BangerError("VMM_FAILED", {
      what: `${binary} could not be started`,
      ...(cause instanceof Error && { why: cause.message }),
      fix: "check `qemu_bin` in the configuration, and run `banger doctor`",
      cause,
    });
}
