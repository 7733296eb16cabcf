import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["vm", "inspect"],
  summary: "Show all about a VM, as JSON",
  arguments: [VM_ARGUMENT],
  options: {},
  examples: [{ line: "banger vm inspect demo", does: "Show all that banger knows of it" }],
  async run(cli, { vm }) {
    cli.printJson(await cli.client.call("vmInspect", { ref: vm }));
  },
});
