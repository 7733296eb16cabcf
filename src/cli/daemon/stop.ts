import { once } from "node:events";
import { connect } from "node:net";
import { isNobodyThere } from "../../client/daemon-errors.ts";
import { withDeadline } from "../../lib/deadline.ts";
import { command } from "../command.ts";

/** Open requests are ended, so there is little to wait for. */
const STOP_TIMEOUT_MS = 30_000;

export default command({
  name: ["daemon", "stop"],
  summary: "Stop the daemon; running VMs go on",
  arguments: [],
  options: {},
  details: "VMs that run go on running; the next daemon takes them back.",
  examples: [{ line: "banger daemon stop", does: "Stop it, and wait until it has gone" }],
  async run(cli) {
    // A connection without a request: its end is the daemon's end.
    const line = connect(cli.layout.socket);
    try {
      await once(line, "connect");
    } catch (error) {
      if (!isNobodyThere(error)) throw error;
      if (cli.json) return cli.printJson({ stopped: false });
      return cli.print("bangerd does not run.");
    }
    line.on("error", () => {});
    const gone = once(line.resume(), "close");
    await cli.shyClient.call("daemonStop", {});
    await withDeadline(new AbortController().signal, STOP_TIMEOUT_MS, "bangerd to end", () => gone);
    if (cli.json) cli.printJson({ stopped: true });
    else cli.print("bangerd is stopped.");
  },
});
