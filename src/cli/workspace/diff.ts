import { pipeline } from "node:stream/promises";
import { WORKSPACE_FETCH_FIELDS } from "../../model/fields/workspace-fields.ts";
import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { safeForTerminal } from "../output/guest-text.ts";
import { given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";

export default command({
  name: ["workspace", "diff"],
  summary: "Show what was changed in a workspace",
  arguments: [WORKSPACE_ARGUMENT],
  options: {
    stat: { type: "boolean", help: "only how much of each file" },
    ...optionsOf(WORKSPACE_FETCH_FIELDS, {}),
  },
  examples: [
    { line: "banger workspace diff app", does: "Since it was brought in, committed or not" },
    { line: "banger workspace diff app --stat", does: "How much of each file" },
  ],
  async run(cli, { workspace }, { stat, ...asked }) {
    const input = given({ ref: workspace, stat, ...inputOf(WORKSPACE_FETCH_FIELDS, asked) });
    const diff = cli.client.text("workspaceDiff", input);
    const { stdout } = cli.io;
    await pipeline(stdout.isTTY === true ? safeForTerminal(diff) : diff, stdout, { end: false });
  },
});
