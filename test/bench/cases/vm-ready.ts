import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Accel } from "../../../src/model/vm.ts";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import { bareBoot, bareInitramfs } from "../bare-boot.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

interface VmSeen {
  readonly accel: Accel;
  readonly spec: { readonly vcpus: number; readonly memoryBytes: number };
}

/** From `vm create` to an agent that answers, beside QEMU with the same kernel and an init that only says a word. */
export const vmReady: Comparison = {
  name: "vm create to ready, image without init",
  unit: "s",
  besideName: "bare QEMU, same kernel, to init's first word",
  aim: 1.5,
  rounds: 7,
  async prepare() {
    await using stack = new AsyncDisposableStack();
    const scratch = await mkdtemp(join(tmpdir(), "banger-bench-"));
    stack.defer(() => rm(scratch, { recursive: true, force: true }));
    const busybox = stack.use(await busyboxImage());
    const host = stack.use(await TestHost.start());
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox"]);

    const create = ["vm", "create", "--image", "busybox", "--name", "bench"];
    await host.ok(create);
    const { accel, spec } = await host.json<VmSeen>(["vm", "inspect", "bench"]);
    await host.ok(["vm", "delete", "--force", "bench"]);
    const { id } = await host.json<{ id: string }>(["kernel", "inspect", "debian-cloud"]);
    const machine = {
      kernel: join(host.folder, ".local/share/banger/kernels", id, "vmlinux"),
      initramfs: await bareInitramfs(scratch),
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
