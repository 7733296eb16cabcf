/**
 * A daemon in small: starts the machine that its argument describes, prints the record, and is killed before it can
 * say good-bye to anything. A second argument names a Firecracker to start it on; else it is QEMU.
 */
import { writeSync } from "node:fs";
import type { MachineSpec } from "../../src/vmm/driver.ts";
import { createFirecrackerDriver } from "../../src/vmm/firecracker/firecracker-driver.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";

const [, , description = "", firecrackerBin] = process.argv;
const spec = JSON.parse(description) as MachineSpec;
const driver =
  firecrackerBin === undefined ? createQemuDriver({ accel: "tcg" }) : createFirecrackerDriver({ firecrackerBin });
const machine = await driver.start(spec, AbortSignal.timeout(60_000));
writeSync(1, JSON.stringify(machine.record));
process.kill(process.pid, "SIGKILL");
