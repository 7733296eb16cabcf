import { RESIZE_FIELDS } from "../../model/fields/vm-fields.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "resize"],
  summary: "Make a stopped VM's disks larger",
  begins: ["vmResize"],
  arguments: [VM_ARGUMENT],
  options: {
    ...optionsOf(RESIZE_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  details: "The guest grows the file systems when it starts. Disks never become smaller.",
  examples: [{ line: "banger vm resize demo --work-disk-size 50G", does: "More room on /work" }],
  async run(cli, { vm: ref }, { progress, ...options }) {
    const sizes = given(inputOf(RESIZE_FIELDS, options));
    if (Object.keys(sizes).length === 0) {
      throw badUsage("there is no size", "say which disk: --disk-size SIZE, --work-disk-size SIZE");
    }
    const input = await checkOptions("vmResize", { ref, ...sizes });
    await operate(cli, "vmResize", input, progress, (vm) =>
      cli.print(`VM ${vm.name} has larger disks. It grows into them when it starts.`),
    );
  },
});
