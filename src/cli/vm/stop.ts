import { VMS_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { operate } from "../operate.ts";
import { checkOptions, given, wholeNumber } from "../parse/check-options.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "stop"],
  summary: "Shut VMs down, gracefully first",
  arguments: [VMS_ARGUMENT],
  options: {
    timeout: { type: "string", value: "SECONDS", help: "how long the guest may take to shut down; 30 unless told" },
    force: { type: "boolean", short: "f", help: "pull its plug" },
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger vm stop demo", does: "Shut it down; end it if it has not gone after 30 seconds" },
    { line: "banger vm stop --force demo", does: "End it at once" },
  ],
  async run(cli, { vm: refs }, { timeout, force, progress }) {
    const how = given({ force, timeoutSeconds: wholeNumber("--timeout", timeout) });
    if (timeout !== undefined) await checkOptions("vmStop", { ref: "any", ...how }, { timeoutSeconds: "--timeout" });
    return forEach(
      cli,
      refs,
      (ref) => operate(cli, "vmStop", { ref, ...how }, progress),
      (vm) => `VM ${vm.name} is ${vm.state}.`,
    );
  },
});
