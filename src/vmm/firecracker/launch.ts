import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";
import { run } from "../../lib/process.ts";
import type { ChildEnd } from "../end-process.ts";
import type { FirecrackerPlan } from "./machine-plan.ts";

export interface FirecrackerChild {
  readonly pid: number;
  /** Settles when the process is gone and reaped; never rejects. */
  readonly ended: Promise<ChildEnd>;
  kill(): void;
  /** Stops keeping this process of ours alive for its sake. */
  release(): void;
}

/**
 * Starts Firecracker in a session of its own: a hang-up of our terminal would end it. Its standard output, the guest's
 * console, is appended to the log as it comes; its input is a FIFO, which it reads as it would a terminal.
 *
 * @param enter words before its own, as MachineSpec has them.
 * @throws BangerError `VMM_FAILED` when the program cannot be executed.
 */
export async function launchFirecracker(
  binary: string,
  plan: FirecrackerPlan,
  consoleLog: string,
  enter: readonly string[],
): Promise<FirecrackerChild> {
  await run("mkfifo", ["-m", "600", "--", plan.consoleInput, plan.metrics]);
  // Opened for both: so it never ends, whoever comes to type and goes.
  await using input = await open(plan.consoleInput, "r+");
  await using output = await open(consoleLog, "a", 0o600);
  await using errors = await open(plan.errors, "w", 0o600);
  const [program = binary, ...words] = [...enter, binary, ...plan.argv];
  const child = spawn(program, words, {
    cwd: plan.runDir,
    detached: true,
    stdio: [input.fd, output.fd, errors.fd],
  });
  const ended = once(child, "exit").then(([exitCode, signal]: unknown[]): ChildEnd => ({
    exitCode: typeof exitCode === "number" ? exitCode : undefined,
    signal: typeof signal === "string" ? (signal as NodeJS.Signals) : undefined,
  }));
  const { pid } = child;
  if (pid === undefined) {
    throw await ended.then(
      () => undefined,
      (cause: unknown) => startFailed(program, cause),
    );
  }
  return { pid, ended, kill: () => void child.kill("SIGKILL"), release: () => child.unref() };
}

function startFailed(program: string, cause: unknown): BangerError {
  return new BangerError("VMM_FAILED", {
    what: `${program} could not be started`,
    ...(cause instanceof Error && { why: cause.message }),
    fix: "check `firecracker_bin` in the configuration, and run `banger doctor`",
    cause,
  });
}
