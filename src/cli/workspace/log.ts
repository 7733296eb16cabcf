import { pipeline } from "node:stream/promises";
import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { safeForTerminal } from "../output/guest-text.ts";

export default command({
  name: ["workspace", "log"],
  summary: "Show the commits that were made in a workspace",
  arguments: [WORKSPACE_ARGUMENT],
  options: {},
  examples: [{ line: "banger workspace log app", does: "Newest first" }],
  async run(cli, { workspace }) {
    const log = cli.client.text("workspaceLog", { ref: workspace });
    const { stdout } = cli.io;
    await pipeline(stdout.isTTY === true ? safeForTerminal(log) : log, stdout, { end: false });
  },
});
