import { VMS_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operateOnEach } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "pause"],
  summary: "Stop a VM's processors where they are",
  begins: ["vmPause"],
  arguments: [VMS_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  details: "It keeps its memory, and uses no CPU time. Commands in it, and connections to it, wait.",
  examples: [{ line: "banger vm pause demo", does: "Pause it; `banger vm resume demo` lets it go on" }],
  run: (cli, { vm: refs }, { progress }) =>
    operateOnEach(
      cli,
      "vmPause",
      refs,
      (ref) => ({ ref }),
      progress,
      (vm) => `VM ${vm.name} is ${vm.state}.`,
    ),
});
