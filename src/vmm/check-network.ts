import { readFile } from "node:fs/promises";
import { asBangerError, BangerError } from "../lib/errors.ts";
import { failedBefore } from "../lib/launch.ts";
import { run } from "../lib/process.ts";
import type { MachineSpec } from "./driver.ts";

/** Lists the network devices of whoever reads it (proc(5)). */
const DEVICES = "/proc/self/net/dev";
const LOOK_MS = 10_000;

/**
 * Makes sure that a machine's TAP device is there. A VMM that may make one would make it, joined to nothing, and its guest
 * would have a dead network with no word of it.
 *
 * @throws BangerError `NETWORK_FAILED`.
 */
export async function checkNetwork({ network, enter = [] }: MachineSpec, signal: AbortSignal): Promise<void> {
  if (network.mode !== "tap") return;
  const devices = deviceNames(await readInside(enter, signal));
  if (devices.has(network.device)) return;
  throw new BangerError("NETWORK_FAILED", {
    what: `the VM's network device ${network.device} is not there`,
    why: "something has removed it since it was made",
    fix: "start the VM again: that makes it anew",
    data: { device: network.device },
  });
}

async function readInside(enter: readonly string[], signal: AbortSignal): Promise<string> {
  const [program, ...words] = enter;
  if (program === undefined) return readFile(DEVICES, "latin1");
  try {
    return (await run(program, [...words, "cat", DEVICES], { signal, timeoutMs: LOOK_MS })).stdout;
  } catch (error) {
    const { why } = asBangerError(error);
    throw failedBefore(why?.replace(/^exit status \d+: /, "") ?? "", { program: "cat", enter }) ?? error;
  }
}

/** The pure part: two lines of headings, then `  name: counters`. */
export function deviceNames(table: string): ReadonlySet<string> {
  const lines = table.split("\n").slice(2);
  return new Set(lines.flatMap((line) => /^\s*([^:\s]+):/.exec(line)?.[1] ?? []));
}
