import { recordedSocket } from "../../lib/holder-record.ts";
import { command } from "../command.ts";

export default command({
  name: ["daemon", "stop"],
  summary: "Stop the daemon; running VMs go on",
  arguments: [],
  options: { force: { type: "boolean", help: "kill it at once; the next daemon recovers" } },
  details: `VMs that run go on running; the next daemon takes them back. A daemon that does not answer is sent SIGTERM, and SIGKILL
after ten seconds.`,
  examples: [{ line: "banger daemon stop", does: "Stop it, and wait until it has gone" }],
  async run(cli, _args, { force }) {
    const { stopDaemon } = await import("../../client/stop-daemon.ts");
    const socketPath = recordedSocket(cli.layout.lockFile) ?? cli.layout.socket;
    const end = await stopDaemon(cli.layout, cli.shyClient, { socketPath, force });
    if (cli.json) return cli.printJson({ stopped: end !== "absent" });
    if (end === "absent") return cli.print("bangerd does not run.");
    cli.print(end === "killed" && !force ? "bangerd did not end by itself, and was killed." : "bangerd is stopped.");
  },
});
