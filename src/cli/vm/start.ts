import { VMS_ARGUMENT } from "../arguments.ts";
import { START_FIELDS } from "../../model/fields/vm-fields.ts";
import { command } from "../command.ts";
import { operateOnEach } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { failedUnits } from "../output/failed-units.ts";
import { OWN_WORLD_OPTIONS, worldInput } from "../parse/world-options.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "start"],
  summary: "Start VMs and wait until they are ready",
  begins: ["vmStart"],
  arguments: [VMS_ARGUMENT],
  options: { ...optionsOf(START_FIELDS, OWN_WORLD_OPTIONS), progress: PROGRESS_OPTION },
  details: `What is said of the host's world holds from then on, and what was given before and is no longer is undone in the
guest; in a VM that runs already, too.`,
  examples: [
    { line: "banger vm start demo", does: "Start it, and wait until commands can be run in it" },
    { line: "banger vm start demo --wait system", does: "Wait until systemd has done what it does at boot, too" },
    { line: "banger vm start --host-ca --time-zone host demo", does: "The same, trusting what this host trusts" },
    { line: "banger vm start --no-host-ca demo", does: "Take those authorities from it again" },
  ],
  async run(cli, { vm: refs }, { progress, ...options }) {
    const how = given({ ...inputOf(START_FIELDS, options), ...worldInput(options, cli.io.env) });
    // Loading the contract costs time, which a plain start does not need.
    if (Object.keys(how).length > 0) await checkOptions("vmStart", { ref: "any", ...how });
    return operateOnEach(
      cli,
      "vmStart",
      refs,
      (ref) => ({ ref, ...how }),
      progress,
      (vm) => `VM ${vm.name} is ${vm.state}${failedUnits(vm)}.`,
    );
  },
});
