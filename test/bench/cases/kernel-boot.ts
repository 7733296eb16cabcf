import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import { bareBoot, bareRootDisk, type BareMachine } from "../bare-boot.ts";
import type { Comparison } from "../comparison.ts";

/** Another vmlinux to boot in turn with ours: of an earlier configuration, say (scripts/make-generic-kernel.sh --config). */
const OTHER = process.env["BANGER_BENCH_KERNEL"];

/** What an option of generic-6.12 costs at boot: the same bare machine and root disk, two kernels in turn. */
export const kernelBoot: Comparison = {
  name: "generic-6.12 by bare QEMU to its init's first word",
  unit: "ms",
  besideName: "the kernel of BANGER_BENCH_KERNEL",
  aim: 1.2,
  rounds: 15,
  skip: () => Promise.resolve(OTHER === undefined ? "BANGER_BENCH_KERNEL names no other vmlinux" : undefined),
  async prepare() {
    await using stack = new AsyncDisposableStack();
    const scratch = await mkdtemp(join(tmpdir(), "banger-bench-"));
    stack.defer(() => rm(scratch, { recursive: true, force: true }));
    const machine: Omit<BareMachine, "kernel"> = {
      rootDisk: await bareRootDisk(scratch),
      accel: "tcg",
      vcpus: 1,
      memoryMib: 256,
    };
    const kernel = genericKernel();
    const resources = stack.move();
    return {
      ours: () => bareBoot({ ...machine, kernel }),
      beside: () => bareBoot({ ...machine, kernel: OTHER ?? "" }),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  },
};
