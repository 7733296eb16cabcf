import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { formatBytes } from "../../lib/bytes.ts";
import { sessionState } from "../output/session-text.ts";
import { facts } from "../output/table.ts";

export default command({
  name: ["session", "inspect"],
  summary: "Show a session",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT],
  options: {},
  examples: [{ line: "banger session inspect demo work", does: "Its command, state and log" }],
  async run(cli, { vm: ref, session: name }) {
    const session = await cli.client.call("vmSessionInspect", { ref, name });
    if (cli.json) return cli.printJson(session);
    const { terminal, stdin, pid, logBytes, logCut } = session;
    cli.print(
      facts([
        ["Name", session.name],
        ["State", sessionState(session)],
        ["Since", session.since],
        ["Command", session.command.join(" ")],
        ["Folder", session.cwd],
        ["User", session.user],
        ["Terminal", terminal === undefined ? "none" : `${terminal.cols} columns, ${terminal.rows} rows`],
        ["Takes input", stdin ? "yes" : "no"],
        ["Process", pid === undefined ? "none" : String(pid)],
        ["Created", session.createdAt],
        ["Log", `${formatBytes(logBytes)}${logCut ? ", without its beginning" : ""}`],
      ]),
    );
  },
});
