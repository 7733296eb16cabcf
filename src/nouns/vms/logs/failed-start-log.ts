import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "../../../lib/errors.ts";
import type { Vm } from "../../../model/vm.ts";
import { readTail } from "../../../vmm/read-tail.ts";
import { makeRoomForLog } from "./kept-logs.ts";
import { consoleLogPath } from "./console-log.ts";
import type { VmContext } from "../vm-context.ts";

/** As much of a console as is kept: a guest that panics in a loop says the same again and again. */
const KEPT_BYTES = 512 * 1024;

/**
 * Keeps the console's log of a VM that is about to be removed since its first start failed.
 *
 * @returns the start's error, which names the log's new place; as it is where the guest said nothing or is not at fault.
 */
export async function keepConsoleLog({ layout, log }: VmContext, vm: Vm, error: BangerError): Promise<BangerError> {
  if (error.code !== "VM_START_FAILED") return error;
  const folder = join(layout.stateDir, "failed-starts");
  const kept = join(folder, `${vm.name}-${new Date().toISOString().replaceAll(/[:.]/g, "")}.log`);
  try {
    const said = await readTail(consoleLogPath({ layout }, vm.id), KEPT_BYTES);
    if (said === "") return error;
    await makeRoomForLog(folder);
    await writeFile(kept, said, { mode: 0o600, flag: "wx" });
    return namingLog(error, kept);
  } catch (failure) {
    // Whoever waits is to hear why the start failed, not that its log could not be kept.
    log.warn({ err: failure, vm: vm.name }, "the log of a failed start is not kept");
    return error;
  }
}

function namingLog(error: BangerError, log: string): BangerError {
  const { code, what, why, data } = error;
  return new BangerError(code, {
    what,
    ...(why !== undefined && { why }),
    fix: `see ${log} for what its console said; a slow host may need a longer vm.start_timeout`,
    data: { ...data, consoleLog: log },
    cause: error,
  });
}
