import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { layoutFrom } from "../../../src/model/layout.ts";
import { vmSchema, type Vm } from "../../../src/model/vm.ts";
import { openStore } from "../../../src/nouns/store.ts";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

const COUNT = 1_000;
const BANGER = join(ROOT, "build/bin/banger");

/** A stopped VM's record, of the size that they have. */
export function definedVm(n: number): Vm {
  const digits = String(n).padStart(16, "0");
  return vmSchema.parse({
    id: `vm-${digits}`,
    name: `debian-bookworm-${n}`,
    createdAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
    state: "stopped",
    image: {
      id: "img-0000000000000000",
      name: "debian-bookworm",
      digest: `sha256:${"0".repeat(64)}`,
      exposedPorts: ["80/tcp"],
    },
    kernel: { id: "krn-0000000000000000", name: "debian-cloud" },
    spec: { vcpus: 2, memoryBytes: 2 ** 30, nat: true, publish: [], env: { LANG: "C.UTF-8" }, init: "auto" },
    machineId: "0".repeat(32),
    disks: [
      {
        id: "root",
        path: `/var/lib/somebody/.local/share/banger/vms/vm-${digits}/root`,
        format: "qcow2",
        strategy: "qcow2",
        base: {
          path: "/var/lib/somebody/.local/share/banger/images/img-0000000000000000/rootfs.ext4",
          sizeBytes: 2 ** 31,
        },
        sizeBytes: 2 ** 31,
        device: "vda",
      },
    ],
    network: { mode: "none" },
    timings: { stages: { disk: 1, vmm: 2, kernel: 3, init: 4, agent: 5 }, readyMs: 15 },
  });
}

/** A host on which so many VMs are defined, and no daemon runs yet. */
async function hostWithVms(): Promise<TestHost> {
  const host = await TestHost.start();
  const { database } = layoutFrom(host.env);
  await mkdir(dirname(database), { recursive: true, mode: 0o700 });
  using store = openStore(database);
  for (let n = 0; n < COUNT; n += 1) store.vms.insert(definedVm(n));
  return host;
}

function beside(name: string, aim: number, ours: (host: TestHost) => Promise<number>): Comparison {
  return {
    name,
    unit: "ms",
    besideName: "node -e 0",
    aim,
    rounds: 11,
    async prepare() {
      const host = await hostWithVms();
      await host.ok(["vm", "list"]); // starts the daemon
      return {
        ours: () => ours(host),
        beside: () => timedProgram(process.execPath, ["-e", "0"], host.env),
        [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
      };
    },
  };
}

export const thousandVmCases: Readonly<Record<string, Comparison>> = {
  "vm-list-1000": beside(`banger vm list of ${COUNT} VMs`, 5, ({ env }) => timedProgram(BANGER, ["vm", "list"], env)),
  "vm-list-json-1000": beside(`banger vm list --json of ${COUNT} VMs`, 5, ({ env }) =>
    timedProgram(BANGER, ["vm", "list", "--json"], env),
  ),
  "vm-inspect-1000": beside(`banger vm inspect, of ${COUNT} VMs one`, 2, ({ env }) =>
    timedProgram(BANGER, ["vm", "inspect", "debian-bookworm-500"], env),
  ),
  "daemon-start-1000": beside(`banger daemon start, with ${COUNT} VMs defined`, 15, async ({ env }) => {
    await timedProgram(BANGER, ["daemon", "stop"], env);
    return timedProgram(BANGER, ["daemon", "start"], env);
  }),
};
