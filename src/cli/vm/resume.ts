import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "resume"],
  summary: "Let a paused VM go on",
  arguments: [VM_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  examples: [{ line: "banger vm resume demo", does: "Let it go on from where it was, at the time that it is now" }],
  async run(cli, { vm: ref }, { progress }) {
    const vm = await operate(cli, "vmResume", { ref }, progress);
    if (cli.json) cli.printJson(vm);
    else cli.print(`VM ${vm.name} is ${vm.state}.`);
  },
});
