/**
 * A daemon in small: starts the machine that its argument describes, prints the record, and is killed before it can
 * say good-bye to anything.
 */
import { writeSync } from "node:fs";
import type { MachineSpec } from "../../src/vmm/driver.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";

const spec = JSON.parse(process.argv[2] ?? "") as MachineSpec;
const machine = await createQemuDriver({ accel: "tcg" }).start(spec, AbortSignal.timeout(20_000));
writeSync(1, JSON.stringify(machine.record));
process.kill(process.pid, "SIGKILL");
