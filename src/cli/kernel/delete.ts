import { KERNEL_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["kernel", "delete"],
  summary: "Delete a kernel that nothing uses",
  arguments: [KERNEL_ARGUMENT],
  options: {},
  examples: [{ line: "banger kernel delete debian-cloud", does: "Delete it, with its files" }],
  async run(cli, { kernel }) {
    const result = await cli.client.call("kernelDelete", { ref: kernel });
    if (cli.json) cli.printJson(result);
    else cli.print(`Kernel ${kernel} is deleted.`);
  },
});
