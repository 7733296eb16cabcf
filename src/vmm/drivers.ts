import type { Config } from "../model/config.ts";
import type { Accel } from "../model/vm.ts";
import type { Driver } from "./driver.ts";
import { createFirecrackerDriver } from "./firecracker/firecracker-driver.ts";
import { createQemuDriver } from "./qemu/qemu-driver.ts";

/** What drivers are told of the host that they are to run VMs on. */
export interface DriverHost {
  readonly config: Pick<Config, "qemu_bin" | "firecracker_bin">;
  /** Folders as in `$PATH`. */
  readonly searchPath?: string;
  /** What guests run by on this host, for a VMM that knows several ways: it may take seconds to find out. */
  readonly accel: () => Promise<Accel>;
}

/** All drivers, in the order of preference: a VM runs on the first that can run it. */
export function openDrivers({ config, searchPath, accel }: DriverHost): readonly Driver[] {
  const { qemu_bin: qemuBin, firecracker_bin: firecrackerBin } = config;
  const path = searchPath === undefined ? {} : { searchPath };
  return [
    createFirecrackerDriver({ ...path, ...(firecrackerBin !== undefined && { firecrackerBin }) }),
    createQemuDriver({ ...path, ...(qemuBin !== undefined && { qemuBin }), accel }),
  ];
}
