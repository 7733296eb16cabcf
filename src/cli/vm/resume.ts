import { VMS_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operateOnEach } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "resume"],
  summary: "Let a paused VM go on",
  begins: ["vmResume"],
  arguments: [VMS_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  examples: [{ line: "banger vm resume demo", does: "Let it go on from where it was, at the time that it is now" }],
  run: (cli, { vm: refs }, { progress }) =>
    operateOnEach(
      cli,
      "vmResume",
      refs,
      (ref) => ({ ref }),
      progress,
      (vm) => `VM ${vm.name} is ${vm.state}.`,
    ),
});
