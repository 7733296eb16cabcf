import { pipeline } from "node:stream/promises";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["vm", "logs"],
  summary: "Print what a VM wrote to its console",
  arguments: [VM_ARGUMENT],
  options: { follow: { type: "boolean", short: "f", help: "go on with what comes" } },
  examples: [
    { line: "banger vm logs demo", does: "Print the console's log: kernel, init and all" },
    { line: "banger vm logs -f demo", does: "Print it, and go on as the guest writes" },
  ],
  async run(cli, { vm: ref }, { follow }) {
    await pipeline(cli.client.text("vmLogs", { ref, follow }), cli.io.stdout, { end: false });
  },
});
