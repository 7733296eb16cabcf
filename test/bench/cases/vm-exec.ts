import { join } from "node:path";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

/** A command in a running guest, beside the same command by ssh. */
export const vmExec: Comparison = {
  name: "banger vm exec VM -- true",
  unit: "ms",
  besideName: "ssh to the same VM (OpenSSH, agent's SSH server)",
  aim: 0.5,
  rounds: 21,
  async prepare() {
    await using stack = new AsyncDisposableStack();
    const busybox = stack.use(await busyboxImage());
    const host = stack.use(await TestHost.start());
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--image", "busybox", "--name", "bench"]);
    const banger = join(ROOT, "build/bin/banger");
    const resources = stack.move();
    return {
      ours: () => timedProgram(banger, ["vm", "exec", "bench", "--", "true"], host.env),
      beside: () => timedProgram(banger, ["vm", "ssh", "bench", "--", "true"], host.env),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  },
};
