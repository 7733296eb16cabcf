import { BangerError } from "../../lib/errors.ts";
import { VM_STATES } from "../../model/vm-states.ts";
import type { VmView } from "../../model/vm.ts";
import { type Cli, command } from "../command.ts";
import { withInterrupts } from "../interrupts.ts";
import { ownOption } from "../parse/own-option.ts";

/** States from which no VM goes on by itself. */
const AT_REST: ReadonlySet<string> = new Set(["stopped", "failed"]);

/** Most that a timer waits: it counts milliseconds in 31 bits. */
const MAX_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

export default command({
  name: ["vm", "wait"],
  summary: "Wait until a VM is in a state",
  arguments: [{ name: "vm", names: "vm", help: "name or id" }],
  options: {
    for: ownOption({
      kind: "choice",
      values: [...VM_STATES, "deleted"],
      value: "STATE",
      help: "running, stopped (unless told), paused, failed, or deleted",
    }),
    timeout: ownOption({
      kind: "seconds",
      min: 0,
      max: MAX_SECONDS,
      help: "give up after so long; never, unless told",
    }),
  },
  details: `Nothing is asked again and again: the daemon tells when something happens. Who waits for \`stopped\` is told of a VM
that fails, too, since it does not run any more: the exit status is 7 then.`,
  examples: [
    { line: "banger vm wait box", does: "Until it is off" },
    { line: "banger vm wait box --for running --timeout 60", does: "Until somebody has started it" },
  ],
  async run(cli, { vm: ref }, { for: wanted = "stopped", timeout }) {
    const vm = await withInterrupts(cli, (signal) => {
      const limit = timeout === undefined ? [] : [AbortSignal.timeout(timeout * 1000)];
      return untilState(cli, ref, wanted, AbortSignal.any([signal, ...limit]));
    });
    if (cli.json) cli.printJson(vm ?? {});
    else cli.print(`VM ${vm?.name ?? ref} is ${vm?.state ?? "deleted"}.`);
    return wanted === "stopped" && vm?.state === "failed" ? 7 : 0;
  },
});

/** @returns the VM in that state; undefined once it is deleted. */
async function untilState(cli: Cli, ref: string, wanted: string, signal: AbortSignal): Promise<VmView | undefined> {
  const { id } = await cli.client.call("vmInspect", { ref }, { signal });
  // It is followed before it is looked at: nothing falls between.
  const events = await cli.client.follow("events", { noun: "vm", ref: id }, { signal });
  const reached = async (): Promise<{ readonly vm: VmView | undefined } | undefined> => {
    const vm = await find(cli, id, signal);
    if (vm === undefined && wanted !== "deleted") throw gone(ref, wanted);
    const isThere = vm === undefined || vm.state === wanted || (wanted === "stopped" && AT_REST.has(vm.state));
    return isThere ? { vm } : undefined;
  };
  const now = await reached();
  if (now !== undefined) return now.vm;
  for await (const { step, state } of events) {
    if (step !== "deleted" && state !== wanted && !(wanted === "stopped" && AT_REST.has(state ?? ""))) continue;
    const then = await reached();
    if (then !== undefined) return then.vm;
  }
  return undefined;
}

async function find(cli: Cli, id: string, signal: AbortSignal): Promise<VmView | undefined> {
  try {
    return await cli.client.call("vmInspect", { ref: id }, { signal });
  } catch (error) {
    if (error instanceof BangerError && error.code === "VM_NOT_FOUND") return undefined;
    throw error;
  }
}

function gone(ref: string, wanted: string): BangerError {
  return new BangerError("VM_NOT_FOUND", {
    what: `VM ${ref} will not be ${wanted}`,
    why: "it has been deleted meanwhile",
    fix: "run `banger vm list` to see those that there are",
  });
}
