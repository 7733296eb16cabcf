import { VMS_ARGUMENT } from "../arguments.ts";
import type { Input } from "../../client/client.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { failedUnits, WAIT_OPTION } from "../parse/wait-option.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "start"],
  summary: "Start VMs and wait until they are ready",
  arguments: [VMS_ARGUMENT],
  options: { wait: WAIT_OPTION, progress: PROGRESS_OPTION },
  examples: [
    { line: "banger vm start demo", does: "Start it, and wait until commands can be run in it" },
    { line: "banger vm start demo --wait system", does: "Wait until systemd has done what it does at boot, too" },
  ],
  async run(cli, { vm: refs }, { wait, progress }) {
    const how = given({ wait: wait as Input<"vmStart">["wait"] });
    if (wait !== undefined) await checkOptions("vmStart", { ref: "any", ...how }, { wait: "--wait" });
    return forEach(
      cli,
      refs,
      (ref) => operate(cli, "vmStart", { ref, ...how }, progress),
      (vm) => `VM ${vm.name} is ${vm.state}${failedUnits(vm)}.`,
    );
  },
});
