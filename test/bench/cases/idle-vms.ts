import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { VmView } from "../../../src/model/vm.ts";
import { TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import { BareGuest } from "../bare-guest.ts";
import { type BenchResult, judge, type Survey, type Unit } from "../comparison.ts";
import { type IdleProcess, watchIdle } from "../idle-process.ts";

const COUNT = Number(process.env["BANGER_IDLE_VMS"] ?? 20);
const BARE = 2;
const MEMORY_MIB = 128;
/** What a start leaves to do is done by then. */
const SETTLE_MS = 1000 * Number(process.env["BANGER_IDLE_SETTLE_SECONDS"] ?? 90);
const WATCH_MS = 60_000;

const NAME = `${COUNT} idle VMs of ${MEMORY_MIB} MiB`;
const BESIDE = "QEMU alone, same kernel, an idle shell";

interface Figure {
  readonly name: string;
  readonly unit: Unit;
  readonly aim: number;
  readonly of: (process: IdleProcess) => number;
}

const FIGURES: readonly Figure[] = [
  { name: "memory of each (PSS)", unit: "MiB", aim: 0.75, of: ({ pssMib }) => pssMib },
  { name: "private memory of each", unit: "MiB", aim: 0.75, of: ({ privateMib }) => privateMib },
  { name: "processor of each", unit: "%", aim: 0.25, of: ({ cpuPercent }) => cpuPercent },
];

/** What VMs cost that do nothing, with their share of the daemon's work, beside QEMU with the least guest there is. */
export const idleVms: Survey = {
  name: NAME,
  besideName: BESIDE,
  async measure() {
    await using stack = new AsyncDisposableStack();
    const scratch = await mkdtemp(join(tmpdir(), "banger-bench-"));
    stack.defer(() => rm(scratch, { recursive: true, force: true }));
    const kernel = genericKernel();
    const busybox = stack.use(await busyboxImage());
    const host = stack.use(await TestHost.start());
    await host.ok(["kernel", "import", "bench", "--vmlinux", kernel]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "bench"]);
    const create = ["vm", "create", "--image", "busybox", "--memory", `${MEMORY_MIB}M`, "--vcpus", "1"];
    for (let n = 0; n < COUNT; n += 1) await host.ok([...create, "--name", `idle-${n}`]);
    const vms = await Promise.all(
      Array.from({ length: COUNT }, (_, n) => host.json<VmView>(["vm", "inspect", `idle-${n}`])),
    );
    const accel = vms[0]?.accel ?? "tcg";
    const bare: BareGuest[] = [];
    for (let n = 0; n < BARE; n += 1) {
      const folder = await mkdtemp(join(scratch, "bare-"));
      bare.push(stack.use(await BareGuest.start(folder, kernel, accel, { vcpus: 1, memoryMib: MEMORY_MIB })));
    }
    await setTimeout(SETTLE_MS);
    const pids = [await host.daemonPid(), ...vms.map(pidOf), ...bare.map(({ pid }) => pid)];
    const [daemon, ...machines] = await watchIdle(pids, WATCH_MS);
    if (daemon === undefined) throw new Error("no daemon was watched");
    const share = daemon.cpuPercent / COUNT;
    console.error(
      `bench: the daemon: ${daemon.pssMib.toFixed(0)} MiB, ${daemon.cpuPercent.toFixed(2)} % of a processor`,
    );
    const ours = machines.slice(0, COUNT).map((vm) => ({ ...vm, cpuPercent: vm.cpuPercent + share }));
    return FIGURES.map((figure) => resultOf(figure, ours, machines.slice(COUNT)));
  },
};

function resultOf(
  { name, unit, aim, of }: Figure,
  ours: readonly IdleProcess[],
  bare: readonly IdleProcess[],
): BenchResult {
  return judge({ name: `${NAME}: ${name}`, unit, aim, besideName: BESIDE }, ours.map(of), bare.map(of));
}

function pidOf({ name, pid }: VmView): number {
  if (pid === null) throw new Error(`${name} has no VMM any more`);
  return pid;
}
