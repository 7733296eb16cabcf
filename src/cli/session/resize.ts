import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { parseSize } from "../parse/size-argument.ts";

export default command({
  name: ["session", "resize"],
  summary: "Give a session's terminal another size",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT, { name: "size", help: "columns and rows, as in 120x40" }],
  options: {},
  examples: [{ line: "banger session resize demo work 120x40", does: "120 columns, 40 rows" }],
  async run(cli, { vm: ref, session: name, size }) {
    await cli.client.call("vmSessionResize", { ref, name, ...parseSize(size) });
    if (cli.json) cli.printJson({});
  },
});
