import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Accel } from "../../../src/model/vm.ts";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { debianImage } from "../../helpers/test-images.ts";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import { bareBoot, bareRootDisk } from "../bare-boot.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

interface VmSeen {
  readonly accel: Accel;
  readonly spec: { readonly vcpus: number; readonly memoryBytes: number };
}

/**
 * From `vm create` to an agent that answers, on one Debian 12 image that has systemd, booted directly: beside QEMU with
 * the same kernel and a root disk whose static init says a word.
 */
function readyWith(init: "agent" | "systemd", aim: number): Comparison {
  return {
    name: `vm create --init ${init} to ready, Debian 12, direct boot`,
    unit: "s",
    besideName: "bare QEMU, same kernel, root disk with a static init, to its first word",
    aim,
    rounds: 7,
    async prepare() {
      await using stack = new AsyncDisposableStack();
      const scratch = await mkdtemp(join(tmpdir(), "banger-bench-"));
      stack.defer(() => rm(scratch, { recursive: true, force: true }));
      const host = stack.use(await TestHost.start());
      const kernel = genericKernel();
      await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", kernel]);
      await host.ok([
        "image",
        "pull",
        await debianImage("bookworm"),
        "--name",
        "debian",
        "--kernel-ref",
        "generic-6.12",
      ]);
      const create = ["vm", "create", "--image", "debian", "--name", "bench", "--init", init];
      await host.ok(create);
      const { accel, spec } = await host.json<VmSeen>(["vm", "inspect", "bench"]);
      await host.ok(["vm", "delete", "--force", "bench"]);
      const machine = {
        kernel,
        rootDisk: await bareRootDisk(scratch),
        accel,
        vcpus: spec.vcpus,
        memoryMib: spec.memoryBytes / 1024 ** 2,
      };
      const resources = stack.move();
      return {
        async ours() {
          const took = await timedProgram(join(ROOT, "build/bin/banger"), create, host.env);
          await host.ok(["vm", "delete", "--force", "bench"]);
          return took;
        },
        beside: () => bareBoot(machine),
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

export const vmReadyAgent = readyWith("agent", 1.5);
export const vmReadySystemd = readyWith("systemd", 3);
