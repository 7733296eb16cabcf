import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { duration } from "../output/times.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "start"],
  summary: "Start a VM and wait until it is ready",
  arguments: [VM_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  examples: [{ line: "banger vm start demo", does: "Start it, and wait until commands can be run in it" }],
  async run(cli, { vm: ref }, { progress }) {
    const vm = await operate(cli, "vmStart", { ref }, progress);
    if (cli.json) return cli.printJson(vm);
    const ready = vm.timings.readyMs === undefined ? "" : `, ready after ${duration(vm.timings.readyMs)}`;
    cli.print(`VM ${vm.name} is ${vm.state}${ready}.`);
  },
});
