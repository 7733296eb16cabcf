import { join } from "node:path";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import type { Comparison } from "../comparison.ts";
import { timedProgram } from "../timing.ts";

/** The quickest of commands, beside the start of the Node that runs it. */
export const vmList: Comparison = {
  name: "banger vm list, daemon running",
  unit: "ms",
  besideName: "node -e 0",
  aim: 2,
  rounds: 21,
  async prepare() {
    const host = await TestHost.start();
    await host.ok(["vm", "list"]); // starts the daemon
    return {
      ours: () => timedProgram(join(ROOT, "build/bin/banger"), ["vm", "list"], host.env),
      beside: () => timedProgram(process.execPath, ["-e", "0"], host.env),
      [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
    };
  },
};
