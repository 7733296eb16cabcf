import { VMS_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "start"],
  summary: "Start VMs and wait until they are ready",
  arguments: [VMS_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  examples: [{ line: "banger vm start demo", does: "Start it, and wait until commands can be run in it" }],
  run: (cli, { vm: refs }, { progress }) =>
    forEach(
      cli,
      refs,
      (ref) => operate(cli, "vmStart", { ref }, progress),
      (vm) => `VM ${vm.name} is ${vm.state}.`,
    ),
});
