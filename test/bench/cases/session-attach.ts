import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

/** Draws 5 MB of screens, and stays. */
const PAINTER = `i=0; while [ $i -lt 2500 ]; do
  printf '\\033[H\\033[2J'; n=0; while [ $n -lt 20 ]; do printf '\\033[3%smline %s of screen %s: %0.60d\\r\\n' $((n % 8)) $n $i 0; n=$((n+1)); done
  i=$((i+1)); done; printf DRAWN; sleep 100000`;

/** To the first paint of a session that has drawn 5 MB, beside a command in the same VM, which has nothing to draw. */
export const sessionAttach: Comparison = {
  name: "banger session attach, to the screen of 5 MB of history",
  unit: "ms",
  besideName: "banger vm exec VM -- true",
  aim: 3,
  rounds: 5,
  async prepare() {
    await using stack = new AsyncDisposableStack();
    const busybox = stack.use(await busyboxImage());
    const host = stack.use(await TestHost.start());
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--image", "busybox", "--name", "bench"]);
    await host.ok(["session", "create", "bench", "--name", "screen", "--tty", "--", "sh", "-c", PAINTER]);
    const banger = join(ROOT, "build/bin/banger");
    await firstPaint(banger, host.env, /DRAWN/);
    const resources = stack.move();
    return {
      ours: () => firstPaint(banger, host.env, /./),
      beside: () => timedProgram(banger, ["vm", "exec", "bench", "--", "true"], host.env),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  },
};

/** Milliseconds until it shows this. */
async function firstPaint(banger: string, env: NodeJS.ProcessEnv, wanted: RegExp): Promise<number> {
  const started = performance.now();
  const client = spawn(banger, ["session", "attach", "bench", "screen", "--read-only"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let seen = "";
    while (!wanted.test(seen))
      seen = (seen + String(((await once(client.stdout, "data")) as [Buffer])[0])).slice(-10_000);
    return performance.now() - started;
  } finally {
    const ended = once(client, "exit");
    client.kill();
    await ended;
  }
}
