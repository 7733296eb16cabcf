import { VM_DELETE_FIELDS } from "../../model/fields/delete-fields.ts";
import { VMS_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operateOnEach } from "../operate.ts";
import { optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "delete"],
  summary: "Delete VMs and everything they have",
  begins: ["vmDelete"],
  arguments: [VMS_ARGUMENT],
  options: {
    ...optionsOf(VM_DELETE_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger vm delete demo", does: "Delete it, with its disks" },
    { line: "banger vm delete --force demo box", does: "Two of them, even while they run" },
  ],
  run: (cli, { vm: refs }, { force, progress }) =>
    operateOnEach(
      cli,
      "vmDelete",
      refs,
      (ref) => ({ ref, force }),
      progress,
      (_result, ref) => `VM ${ref} is deleted.`,
    ),
});
