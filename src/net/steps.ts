import { writeSetting } from "../lib/destroy.ts";
import { hasErrno } from "../lib/errors.ts";
import { run } from "../lib/process.ts";
import { toolPath } from "./tool-path.ts";

/** One thing that is done to the host's network, as data. */
export type Step =
  | { readonly do: "run"; readonly program: "ip" | "nft"; readonly args: readonly string[]; readonly input: string }
  /** A setting of the kernel, of an interface of ours. `ifThere`: nothing to do where the kernel does not have it. */
  | { readonly do: "set"; readonly path: string; readonly value: string; readonly ifThere?: true };

/** Commands of ip(8) that succeed or fail together, as far as ip can: it stops at the first that fails. */
export function ipBatch(lines: readonly string[], force = false): Step {
  const args = force ? ["-force", "-batch", "-"] : ["-batch", "-"];
  return { do: "run", program: "ip", args, input: `${lines.join("\n")}\n` };
}

/** A script of nft(8): one transaction, applied as a whole or not at all. */
export function nftScript(script: string): Step {
  return { do: "run", program: "nft", args: ["-f", "-"], input: script };
}

/** A setting of one of our interfaces, as in `setting("ipv4/conf/tap0/forwarding", "1")`. */
export function setting(name: string, value: string): Step {
  return { do: "set", path: `/proc/sys/net/${name}`, value };
}

export interface ApplyOptions {
  readonly signal?: AbortSignal;
  /** Words that enter another network namespace before each command. */
  readonly enter?: readonly string[];
  /** Called before each step: for tests that end the process there. */
  readonly before?: (index: number, step: Step) => void;
}

/**
 * Does one step after the other.
 *
 * @throws BangerError `TOOL_MISSING`, `TOOL_FAILED` with what the tool said; steps before it stay done.
 */
export async function applySteps(steps: readonly Step[], options: ApplyOptions = {}): Promise<void> {
  for (const [index, step] of steps.entries()) {
    options.signal?.throwIfAborted();
    options.before?.(index, step);
    await applyStep(step, options.enter ?? []);
  }
}

async function applyStep(step: Step, enter: readonly string[]): Promise<void> {
  if (step.do === "run") return runInside(enter, step.program, step.args, step.input);
  // Whose settings /proc/sys/net shows depends on who looks (proc(5)): inside a namespace another process must write.
  if (enter.length > 0) return runInside(enter, "tee", [step.path], step.value);
  try {
    await writeSetting(step.path, step.value, "a step of a network's plan; it names a setting of the VM's own device");
  } catch (error) {
    if (step.ifThere !== true || !hasErrno(error, "ENOENT")) throw error;
  }
}

async function runInside(enter: readonly string[], program: string, args: readonly string[], input: string) {
  const [file = program, ...words] = [...enter, program, ...args];
  await run(file, words, { input, env: { PATH: toolPath() } });
}
