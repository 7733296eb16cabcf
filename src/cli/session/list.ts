import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { sessionState } from "../output/session-text.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["session", "list"],
  summary: "List the sessions in a running VM",
  arguments: [VM_ARGUMENT],
  options: {},
  examples: [{ line: "banger session list demo", does: "Names, states and commands, of those that have ended too" }],
  async run(cli, { vm: ref }) {
    const sessions = await cli.client.call("vmSessionList", { ref });
    if (cli.json) return cli.printJson(sessions);
    if (sessions.length === 0)
      return cli.note("There are no sessions. This makes one: banger session create VM -- COMMAND");
    const rows = sessions.map((session) => [
      session.name,
      sessionState(session),
      session.terminal === undefined ? "no" : `${session.terminal.cols}x${session.terminal.rows}`,
      ago(session.since),
      session.command.join(" "),
    ]);
    cli.print(table(["NAME", "STATE", "TERMINAL", "SINCE", "COMMAND"], rows));
  },
});
