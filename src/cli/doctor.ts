import { command } from "./command.ts";

export default command({
  name: ["doctor"],
  summary: "Say what this host can do, and how to mend the rest",
  arguments: [],
  options: {},
  examples: [{ line: "banger doctor", does: "Look at this host" }],
  async run(cli) {
    cli.printJson(await cli.client.call("doctor", {}));
  },
});
