import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { size } from "../parse/vm-options.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "resize"],
  summary: "Make a stopped VM's disks larger",
  arguments: [VM_ARGUMENT],
  options: {
    "disk-size": { type: "string", value: "SIZE", help: "size of the root disk, as in 20G" },
    "work-disk-size": { type: "string", value: "SIZE", help: "size of the work disk" },
    progress: PROGRESS_OPTION,
  },
  details: "The guest grows the file systems when it starts. Disks never become smaller.",
  examples: [{ line: "banger vm resize demo --work-disk-size 50G", does: "More room on /work" }],
  async run(cli, { vm: ref }, { "disk-size": root, "work-disk-size": work, progress }) {
    if (root === undefined && work === undefined) {
      throw badUsage("there is no size", "say which disk: --disk-size SIZE, --work-disk-size SIZE");
    }
    const input = given({
      ref,
      diskSizeBytes: size("--disk-size", root),
      workDiskSizeBytes: size("--work-disk-size", work),
    });
    await checkOptions("vmResize", input, { diskSizeBytes: "--disk-size", workDiskSizeBytes: "--work-disk-size" });
    const vm = await operate(cli, "vmResize", input, progress);
    if (cli.json) return cli.printJson(vm);
    cli.print(`VM ${vm.name} has larger disks. It grows into them when it starts.`);
  },
});
