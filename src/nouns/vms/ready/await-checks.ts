import { setTimeout as after } from "node:timers/promises";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { guestText } from "../../../guest/agent-errors.ts";
import { withDeadline } from "../../../lib/deadline.ts";
import { asBangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Image } from "../../../model/image.ts";
import { readyCheck, type ReadyCheck } from "../../../model/ready-check.ts";
import type { Vm } from "../../../model/vm.ts";
import { planExec } from "../commands/exec-plan.ts";
import { openTarget } from "../commands/forward-target.ts";
import { AGAIN_MS, awaitSuccess, notReady } from "./run-check.ts";

/** Between two attempts at a port on which nobody listens yet. */
const PORT_AGAIN_MS = 100;
/** One run of a command that hangs is no answer. */
const COMMAND_MS = 30_000;

export interface Checking {
  readonly agent: AgentClient;
  readonly vm: Vm;
  readonly image: Image | undefined;
  /** How long all of them together may take. */
  readonly limitMs: number;
}

/**
 * Waits until everything that tells that a VM is ready holds.
 *
 * @throws BangerError `VM_NOT_READY` with what did not come to hold, and what it said last; what the agent throws.
 */
export async function awaitChecks(checking: Checking, { signal, progress }: OperationContext): Promise<void> {
  const { vm, limitMs } = checking;
  const waiting = new Map(vm.spec.ready.map((text) => [text, "it has not answered"]));
  if (waiting.size === 0) return;
  const since = performance.now();
  const tell = (status: "running" | "done"): void => {
    const label =
      status === "done" ? `${vm.name} is ready` : `${vm.name}: waiting for ${[...waiting.keys()].join(", ")}`;
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    progress({ id: "checks", label, status, ...(status === "done" && { note: `its checks took ${seconds} s` }) });
  };
  tell("running");
  try {
    await withDeadline(signal, limitMs, "its checks", (within) =>
      Promise.all(
        [...waiting.keys()].map(async (text) => {
          await hold(checking, readyCheck(text), (said) => waiting.set(text, said), within);
          waiting.delete(text);
          if (waiting.size > 0) tell("running");
        }),
      ),
    );
  } catch (error) {
    const left = [...waiting].map(([text, said]) => `${text}: ${guestText(said)}`);
    throw notReady(error, signal, vm, left.join("; "), "ps");
  }
  tell("done");
}

type Say = (said: string) => void;

function hold(checking: Checking, check: ReadyCheck, say: Say, signal: AbortSignal): Promise<void> {
  if (check.kind === "port") return awaitPort(checking, check.port, say, signal);
  if (check.kind === "log") return awaitLine(checking, check.pattern, say, signal);
  return awaitCommand(checking, check.command, say, signal);
}

async function awaitLine({ agent }: Checking, pattern: string, say: Say, signal: AbortSignal): Promise<void> {
  say("its command has printed no such line");
  await agent.awaitServiceLine(pattern, signal);
}

async function awaitPort({ agent }: Checking, port: number, say: Say, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      (await openTarget(agent, { kind: "port", port }, signal)).destroy();
      return;
    } catch (error) {
      signal.throwIfAborted();
      const known = asBangerError(error);
      // Refused by the guest; anything else is the agent's own trouble.
      if (known.code !== "BAD_REQUEST") throw error;
      say(known.why ?? known.message);
    }
    await after(PORT_AGAIN_MS, undefined, { signal });
  }
}

function awaitCommand({ agent, vm, image }: Checking, command: string, say: Say, signal: AbortSignal): Promise<void> {
  const argv = ["/bin/sh", "-c", command];
  const start = { argv, env: {}, cwd: "", user: "" };
  const spec = image === undefined ? {} : { spec: planExec(start, vm, image.config) };
  const attempts = { argv, ...spec, timeoutMs: COMMAND_MS, pauseMs: AGAIN_MS, what: "it" };
  return awaitSuccess(agent, attempts, say, signal);
}
