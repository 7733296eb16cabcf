import { command } from "../command.ts";
import { operateOnEach } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["workspace", "delete"],
  summary: "Delete workspaces whose work has come home",
  begins: ["workspaceDelete"],
  arguments: [{ name: "workspace", names: "workspace", kind: "several", help: "names or ids of workspaces" }],
  options: {
    force: { type: "boolean", short: "f", help: "even if work is lost" },
    progress: PROGRESS_OPTION,
  },
  details: `The copy in the guest goes, and what banger keeps of it. Your repository stays as it is, and so does the VM.`,
  examples: [
    { line: "banger workspace delete app", does: "Delete it, unless work would be lost" },
    { line: "banger workspace delete --force app", does: "Delete it all the same" },
  ],
  run: (cli, { workspace: refs }, { force, progress }) =>
    operateOnEach(
      cli,
      "workspaceDelete",
      refs,
      (ref) => ({ ref, force }),
      progress,
      (_result, ref) => `Workspace ${ref} is deleted.`,
    ),
});
