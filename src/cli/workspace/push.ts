import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["workspace", "push"],
  summary: "Bring newer commits of the work tree into a workspace",
  begins: ["workspacePush"],
  arguments: [WORKSPACE_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  details: `Commits of the branch that is checked out here. The guest's branch moves on if nothing is changed there; else they are there
as host/BRANCH, to be merged.`,
  examples: [{ line: "banger workspace push app", does: "Bring in what you have committed since" }],
  run: (cli, { workspace }, { progress }) =>
    operate(
      cli,
      "workspacePush",
      { ref: workspace },
      progress,
      ({ workspace: { name }, commits, forwarded, ref, why }) => {
        cli.print(`${commits} ${commits === 1 ? "commit is" : "commits are"} in workspace ${name}, as ${ref}.`);
        if (forwarded) return;
        cli.note(`The guest's branch is where it was: ${why ?? "it cannot be moved on"}.`);
        cli.note(`Merge them with: banger workspace exec ${name} -- git merge ${ref}`);
      },
    ),
});
