import { STOP_FIELDS } from "../../model/fields/vm-fields.ts";
import { VMS_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operateOnEach } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "stop"],
  summary: "Shut VMs down, gracefully first",
  begins: ["vmStop"],
  arguments: [VMS_ARGUMENT],
  options: {
    ...optionsOf(STOP_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger vm stop demo", does: "Shut it down; end it if it has not gone after 30 seconds" },
    { line: "banger vm stop --force demo", does: "End it at once" },
  ],
  async run(cli, { vm: refs }, { progress, ...options }) {
    const how = given(inputOf(STOP_FIELDS, options));
    if (how.timeoutSeconds !== undefined) await checkOptions("vmStop", { ref: "any", ...how });
    return operateOnEach(
      cli,
      "vmStop",
      refs,
      (ref) => ({ ref, ...how }),
      progress,
      (vm) => `VM ${vm.name} is ${vm.state}.`,
    );
  },
});
