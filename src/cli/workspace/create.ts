import { resolve } from "node:path";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { WORKSPACE_FIELDS } from "../../model/fields/workspace-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["workspace", "create"],
  summary: "Copy a work tree of git's into a VM, as it is",
  begins: ["workspaceCreate"],
  arguments: [{ name: "directory", kind: "optional", help: "of the work tree; where you are unless told" }],
  options: { ...optionsOf(WORKSPACE_FIELDS, {}), progress: PROGRESS_OPTION },
  details: `History, index and files go along: what is staged stays staged, what is changed stays changed, modes and links are exact.
Untracked files go by --include-untracked, ignored ones never; submodules go as plain files, and files of LFS as their
pointers. Nothing is written to your repository. The guest needs git.`,
  examples: [
    {
      line: "banger workspace create --image debian-git",
      does: "A VM for the work tree you are in, with a copy in /work",
    },
    { line: "banger workspace create ~/src/app --vm demo --name app", does: "Into a VM that runs" },
    {
      line: "banger workspace create --vm demo --shallow --include-untracked",
      does: "Without history, with new files",
    },
  ],
  async run(cli, { directory = "." }, options) {
    const { progress, ...asked } = options;
    const input = given({ directory: resolve(directory), ...inputOf(WORKSPACE_FIELDS, asked) });
    await operate(cli, "workspaceCreate", await checkOptions("workspaceCreate", input), progress, (made) => {
      const { name, vm, path, notes } = made;
      cli.print(`Workspace ${name} is at ${path} in VM ${vm.name}.`);
      for (const note of notes) cli.note(`Mind: ${note}`);
      cli.note(`Work in it with: banger workspace ssh ${name}`);
      cli.note(`Take the work home with: banger workspace pull ${name}`);
    });
  },
});
