import type { Result } from "../../client/client.ts";
import { WORKSPACE_PULL_FIELDS } from "../../model/fields/workspace-fields.ts";
import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { type Cli, command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["workspace", "pull"],
  summary: "Bring home what was done in a workspace",
  begins: ["workspacePull"],
  arguments: [WORKSPACE_ARGUMENT],
  options: { ...optionsOf(WORKSPACE_PULL_FIELDS, {}), progress: PROGRESS_OPTION },
  details: `As a branch: commits with their authors and messages, and one more of what is not committed. Or as a patch, or applied to
your work tree: all of it or nothing, and each file that stands in the way is named. What comes is checked first, and
nothing that a guest sends runs here; but it is code that somebody else wrote: read it before you run it.`,
  examples: [
    { line: "banger workspace pull app", does: "As branch banger/app" },
    { line: "banger workspace pull app --branch fix --committed-only", does: "Commits alone, as branch fix" },
    { line: "banger workspace pull app --patch app.patch", does: "As a patch, for git apply" },
    { line: "banger workspace pull app --apply", does: "Into the work tree" },
  ],
  async run(cli, { workspace }, options) {
    const { progress, ...asked } = options;
    const input = given({ ref: workspace, ...inputOf(WORKSPACE_PULL_FIELDS, asked) });
    await operate(cli, "workspacePull", await checkOptions("workspacePull", input), progress, (came) =>
      tell(cli, came),
    );
  },
});

function tell(cli: Cli, { workspace, branch, patch, applied, commits, files, notes }: Result<"workspacePull">): void {
  const what = `${commits} ${commits === 1 ? "commit" : "commits"}, ${files.length} changed ${files.length === 1 ? "file" : "files"}`;
  if (branch !== undefined) cli.print(`Branch ${branch} has the work of ${workspace.name}: ${what}.`);
  else if (patch !== undefined) cli.print(`${patch} has the work of ${workspace.name}: ${what}.`);
  else if (applied) cli.print(`The work of ${workspace.name} is in ${workspace.directory}: ${what}.`);
  else cli.print(`Nothing is new in ${workspace.name}.`);
  for (const note of notes) cli.note(`Mind: ${note}`);
  if (branch !== undefined) cli.note(`Look at it with: git log -p ${branch}`);
}
