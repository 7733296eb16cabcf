import { access, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Accel } from "../../../src/model/vm.ts";
import { MAPPER_CONTROL } from "../../../src/disk/probe-clone.ts";
import { DISK_STRATEGIES } from "../../../src/model/fields/choices.ts";
import type { DiskStrategy } from "../../../src/model/vm.ts";
import { mountFresh, needsRoot } from "../../helpers/loop-mount.ts";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { debianImage } from "../../helpers/test-images.ts";
import { type BareMachine, bareBoot, bareInitramfs } from "../bare-boot.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

const BANGER = join(ROOT, "build/bin/banger");

interface Place extends AsyncDisposable {
  readonly host: TestHost;
  readonly rootfs: string;
  /** Beside the data, for what the other side writes. */
  readonly folder: string;
}

/** A Debian image on a fresh xfs, where every way of copying a disk but device mapper's can be had. */
async function preparePlace(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await mountFresh("xfs", "4G"));
  const host = stack.use(await TestHost.start({ XDG_DATA_HOME: folder }));
  await host.ok(["kernel", "pull", "debian-cloud"]);
  await host.ok(["image", "pull", await debianImage("bookworm"), "--name", "debian"]);
  const { rootfs } = await host.json<{ rootfs: { path: string } }>(["image", "inspect", "debian"]);
  const resources = stack.move();
  return { host, rootfs: rootfs.path, folder, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function obstacle(strategy: DiskStrategy): Promise<string | undefined> {
  if (needsRoot !== false) return needsRoot;
  if (strategy !== "dm-snapshot") return undefined;
  return access(MAPPER_CONTROL).then(
    () => undefined,
    () => `there is no ${MAPPER_CONTROL}`,
  );
}

/** One measure of `vm create` with each of the strategies. */
function byStrategy(
  prefix: string,
  describe: (strategy: DiskStrategy) => Pick<Comparison, "name" | "unit" | "besideName" | "aim" | "rounds">,
  options: readonly string[],
  besideOf: (place: Place) => Promise<() => Promise<number>>,
): Readonly<Record<string, Comparison>> {
  const cases = DISK_STRATEGIES.map((strategy): [string, Comparison] => [
    `${prefix}-${strategy}`,
    {
      ...describe(strategy),
      skip: () => obstacle(strategy),
      async prepare() {
        await using stack = new AsyncDisposableStack();
        const place = stack.use(await preparePlace());
        const beside = await besideOf(place);
        const create = [
          "vm",
          "create",
          "--image",
          "debian",
          "--name",
          "bench",
          "--disk-strategy",
          strategy,
          ...options,
        ];
        const resources = stack.move();
        return {
          async ours() {
            const took = await timedProgram(BANGER, create, place.host.env);
            await place.host.ok(["vm", "delete", "--force", "bench"]);
            return took;
          },
          beside,
          [Symbol.asyncDispose]: () => resources.disposeAsync(),
        };
      },
    },
  ]);
  return Object.fromEntries(cases);
}

/** A VM's disk by itself, beside the copy that anybody makes. */
export const diskCreateCases = byStrategy(
  "disk-create",
  (strategy) => ({
    name: `vm create --no-start, Debian 12, ${strategy}`,
    unit: "ms",
    besideName: "cp --sparse=always of its disk",
    // Beside a program's start and a change of the database, a copy of some 200 MB that lies in memory is cheap.
    aim: strategy === "sparse-copy" ? 4 : 3,
    rounds: 9,
  }),
  ["--no-start"],
  async ({ rootfs, folder }) => {
    const target = join(folder, "copy");
    return async () => {
      const took = await timedProgram("cp", ["--sparse=always", "--reflink=never", rootfs, target]);
      await rm(target);
      return took;
    };
  },
);

/** To an agent that answers, beside QEMU with the same kernel and an init that only says a word. */
export const diskReadyCases = byStrategy(
  "disk-ready",
  (strategy) => ({
    name: `vm create to ready, Debian 12, agent as init, ${strategy}`,
    unit: "s",
    besideName: "bare QEMU, same kernel, to init's first word",
    aim: 1.5,
    rounds: 5,
  }),
  ["--init", "agent"],
  async ({ host, folder }) => {
    const machine = await machineLike(host, folder);
    return () => bareBoot(machine);
  },
);

/** The machine that banger gives a VM by default, for QEMU alone. */
async function machineLike(host: TestHost, folder: string): Promise<BareMachine> {
  await host.ok(["vm", "create", "--image", "debian", "--name", "bench", "--init", "agent"]);
  interface VmSeen {
    readonly accel: Accel;
    readonly spec: { readonly vcpus: number; readonly memoryBytes: number };
  }
  const { accel, spec } = await host.json<VmSeen>(["vm", "inspect", "bench"]);
  await host.ok(["vm", "delete", "--force", "bench"]);
  const { id } = await host.json<{ id: string }>(["kernel", "inspect", "debian-cloud"]);
  return {
    kernel: join(folder, "banger/kernels", id, "vmlinux"),
    initramfs: await bareInitramfs(await mkdtemp(join(folder, "bare-"))),
    accel,
    vcpus: spec.vcpus,
    memoryMib: spec.memoryBytes / 1024 ** 2,
  };
}
