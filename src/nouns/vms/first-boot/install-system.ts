import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import type { AgentClient, AgentExec } from "../../../guest/agent-client.ts";
import { openEmptied } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { SystemPlan } from "./system-plan.ts";
import { STEP_MARK, systemScript } from "./system-script.ts";

/** Of what a package manager prints, at most so much is kept on the host. */
const MAX_LOG_BYTES = 16 * 1024 ** 2;
const TAIL_LINES = 12;
const MAX_LINE = 300;

export interface Installation {
  /** Whose guest it is, for people. */
  readonly name: string;
  readonly plan: SystemPlan;
  /** Where all that is printed goes, on this host. */
  readonly log: string;
}

/**
 * Runs a plan in a guest, and tells its steps and its output as they come.
 *
 * @throws BangerError `FIRST_BOOT_FAILED` with the output's end and the log's path; what the agent throws.
 */
export async function installSystem(
  agent: AgentClient,
  { name, plan, log }: Installation,
  { signal, progress }: OperationContext,
): Promise<void> {
  const told = outputTeller(name, progress);
  await mkdir(dirname(log), { recursive: true, mode: 0o700 });
  const file = (await openEmptied(log, 0o600, "the log of this VM's or image's own installation")).createWriteStream();
  let written = 0;
  const take = (chunk: Buffer): void => {
    written += chunk.length;
    if (written <= MAX_LOG_BYTES) file.write(chunk);
    told.take(chunk);
  };
  try {
    // Not on stdin: what a package asks there must find it empty.
    const argv = ["/bin/sh", "-c", systemScript(plan)];
    const running = await agent.exec({ argv, env: {}, cwd: "/", user: "" }, { signal });
    running.stdin.end();
    const { code } = await outcome(running, take);
    if (code !== 0) throw failure(name, plan, log, code, told.tail());
  } finally {
    file.end();
    await finished(file);
  }
  progress({ id: "first-boot", label: `${name}: ${plan.init} and sshd are installed`, status: "done" });
}

async function outcome(running: AgentExec, take: (chunk: Buffer) => void): Promise<{ readonly code: number }> {
  running.stdout.on("data", take);
  running.stderr.on("data", take);
  return running.exit;
}

function failure(name: string, plan: SystemPlan, log: string, code: number, tail: string): BangerError {
  return new BangerError("FIRST_BOOT_FAILED", {
    what: `${plan.init} could not be installed in ${name}`,
    why: `its package manager ended with ${code}; the last lines:\n${tail}`,
    fix: `see ${log}; the guest needs a network that reaches its packages`,
    data: { exitCode: code, log, family: plan.family },
  });
}

/** Tells a script's steps with the last line of each, and remembers the last few lines. */
function outputTeller(name: string, progress: OperationContext["progress"]) {
  const lines: string[] = [];
  let rest = "";
  let step = "";
  let done = 0;
  let total: number | undefined;
  const tell = (output?: string): void =>
    progress({
      id: "first-boot",
      label: step === "" ? name : `${name}: ${step}`,
      status: "running",
      ...(total !== undefined && { done, total }),
      ...(output !== undefined && { output }),
    });
  const takeLine = (line: string): void => {
    const mark = line.startsWith(STEP_MARK) ? /^(\d+)\/(\d+) (.*)$/.exec(line.slice(STEP_MARK.length)) : null;
    if (mark === null) {
      lines.push(line);
      if (lines.length > TAIL_LINES) lines.shift();
      return tell(`${line}\n`);
    }
    done = Number(mark[1]) - 1;
    total = Number(mark[2]);
    step = mark[3] ?? "";
    tell();
  };
  return {
    take(chunk: Buffer): void {
      const parts = (rest + chunk.toString("latin1")).split(/[\r\n]+/);
      rest = (parts.pop() ?? "").slice(-MAX_LINE);
      for (const part of parts) if (part.trim() !== "") takeLine(part.slice(0, MAX_LINE));
    },
    tail: (): string => [...lines, rest].filter((line) => line !== "").join("\n"),
  };
}
