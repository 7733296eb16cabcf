import { errorFromWire } from "../../client/daemon-errors.ts";
import { BangerError } from "../../lib/errors.ts";
import { type Cli, command } from "../command.ts";
import { withInterrupts } from "../interrupts.ts";
import { bangerdProgram } from "../programs.ts";

export default command({
  name: ["daemon", "start"],
  summary: "Start the daemon; any command does so",
  arguments: [],
  options: {},
  examples: [{ line: "banger daemon start", does: "Start it, and wait until it answers" }],
  async run(cli) {
    const { startDaemon } = await import("../../client/start-daemon.ts");
    const running = await statusOf(cli);
    if (running === undefined) {
      await withInterrupts(cli, (signal) => startDaemon(cli.layout, bangerdProgram(cli.io.env), signal));
    }
    const status = running ?? (await cli.client.call("daemonStatus", {}));
    if (status.refuses !== undefined) throw errorFromWire(status.refuses);
    if (cli.json) return cli.printJson(status);
    cli.print(`bangerd ${running === undefined ? "is started" : "runs already"}: pid ${status.pid}.`);
    for (const what of running === undefined ? status.recovered : []) cli.note(`Recovered: ${what}`);
  },
});

async function statusOf(cli: Cli) {
  try {
    return await cli.shyClient.call("daemonStatus", {});
  } catch (error) {
    if (error instanceof BangerError && error.code === "DAEMON_UNREACHABLE") return undefined;
    throw error;
  }
}
