import { command } from "../command.ts";
import { facts } from "../output/table.ts";
import { ago } from "../output/times.ts";
import { askStatus } from "./held-daemon.ts";

export default command({
  name: ["daemon", "status"],
  summary: "Tell whether the daemon runs",
  arguments: [],
  options: {},
  details: "Starts nothing. Ends with 1 when the daemon does not run, or does not answer.",
  examples: [{ line: "banger daemon status", does: "Its version, pid and places" }],
  async run(cli) {
    const status = await askStatus(cli);
    if (cli.json) return cli.printJson(status);
    cli.print(
      facts([
        ["bangerd", `${status.version}, pid ${status.pid}`],
        ["Started", ago(status.startedAt)],
        ["Running VMs", String(status.runningVms)],
        ["Socket", status.socket],
        ["Data", status.dataDir],
        ["Log", status.log],
        ...(status.refuses === undefined ? [] : [["Refuses", status.refuses.what] as [string, string]]),
        ...status.recovered.map((what): [string, string] => ["Recovered", what]),
      ]),
    );
  },
});
