import { REBASE_FIELDS } from "../../model/fields/vm-fields.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { given } from "../parse/check-options.ts";
import { optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "rebase"],
  summary: "Put a stopped VM on another image, and keep its work disk",
  begins: ["vmRebase"],
  arguments: [VM_ARGUMENT],
  options: {
    ...optionsOf(REBASE_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  details: `The root disk is made anew from the image: what was written to it is gone. The work disk, the name, the network
and all else of the VM stay as they are.`,
  examples: [{ line: "banger vm rebase demo --image debian-2", does: "The same VM and its /work, on a newer system" }],
  async run(cli, { vm: ref }, { image, "kernel-ref": kernel, progress }) {
    if (image === undefined) throw badUsage("--image is missing", "name the image to go on with: --image IMAGE");
    await operate(cli, "vmRebase", given({ ref, image, kernel }), progress, (vm) => {
      cli.print(`VM ${vm.name} is on image ${vm.image.name}.`);
      cli.note(`Start it with: banger vm start ${vm.name}`);
    });
  },
});
