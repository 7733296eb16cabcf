import { command } from "../command.ts";

export default command({
  name: ["operation", "cancel"],
  summary: "Cancel what is under way, whoever began it",
  arguments: [{ name: "id", help: "as `banger operation list` shows it" }],
  options: {},
  details: "It puts back what it did; who waits for it is told that it was cancelled.",
  examples: [{ line: "banger operation cancel op-0123456789abcdef", does: "End a pull that another terminal began" }],
  async run(cli, { id }) {
    const operation = await cli.client.call("operationCancel", { id });
    if (cli.json) return cli.printJson(operation);
    if (operation.endedAt !== undefined) return cli.print(`${id} had ended already: ${operation.state}.`);
    cli.print(`${id} is cancelled, and puts back what it did.`);
  },
});
