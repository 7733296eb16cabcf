import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { vmText } from "../output/vm-text.ts";

export default command({
  name: ["vm", "inspect"],
  summary: "Show all about a VM",
  arguments: [VM_ARGUMENT],
  options: {},
  examples: [
    { line: "banger vm inspect demo", does: "What it is made of, how it runs, and why it does not" },
    { line: "banger vm inspect demo --json", does: "All that banger knows of it, for a program" },
  ],
  async run(cli, { vm: ref }) {
    const vm = await cli.client.call("vmInspect", { ref });
    if (cli.json) cli.printJson(vm);
    else cli.print(vmText(vm));
  },
});
