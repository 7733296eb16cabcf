import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";

export default command({
  name: ["session", "resize"],
  summary: "Give a session's terminal another size",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT, { name: "size", help: "columns and rows, as in 120x40" }],
  options: {},
  examples: [{ line: "banger session resize demo work 120x40", does: "120 columns, 40 rows" }],
  async run(cli, { vm: ref, session: name, size }) {
    const [, cols, rows] = /^(\d{1,5})x(\d{1,5})$/.exec(size) ?? [];
    if (cols === undefined || rows === undefined) throw badUsage(`"${size}" is no size`, "write it as in 120x40");
    await cli.client.call("vmSessionResize", { ref, name, cols: Number(cols), rows: Number(rows) });
    if (cli.json) cli.printJson({});
  },
});
