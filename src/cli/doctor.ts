import { command } from "./command.ts";

export default command({
  arguments: [],
  options: {},
  examples: [{ line: "banger doctor", does: "Look at this host" }],
  async run(cli) {
    cli.printJson(await cli.client.call("doctor", {}));
  },
});
