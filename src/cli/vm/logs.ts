import { pipeline } from "node:stream/promises";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["vm", "logs"],
  summary: "Print what a VM wrote to its console",
  arguments: [VM_ARGUMENT],
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what comes" },
    service: { type: "boolean", help: "print what the command wrote that the VM keeps running" },
  },
  examples: [
    { line: "banger vm logs demo", does: "Print the console's log: kernel, init and all" },
    { line: "banger vm logs -f demo", does: "Print it, and go on as the guest writes" },
    { line: "banger vm logs --service -f demo", does: "Print what the VM's own command writes" },
  ],
  async run(cli, { vm: ref }, { follow, service }) {
    await pipeline(cli.client.text("vmLogs", { ref, follow, service }), cli.io.stdout, { end: false });
  },
});
