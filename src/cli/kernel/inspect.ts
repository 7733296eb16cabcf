import { KERNEL_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["kernel", "inspect"],
  summary: "Show all about a kernel, as JSON",
  arguments: [KERNEL_ARGUMENT],
  options: {},
  examples: [{ line: "banger kernel inspect debian-cloud", does: "Show all that banger knows of it" }],
  async run(cli, { kernel }) {
    cli.printJson(await cli.client.call("kernelInspect", { ref: kernel }));
  },
});
