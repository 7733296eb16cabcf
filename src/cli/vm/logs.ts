import { pipeline } from "node:stream/promises";
import { LOGS_FIELDS } from "../../model/fields/vm-fields.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { safeForTerminal } from "../output/guest-text.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { given } from "../parse/check-options.ts";
import { optionsOf } from "../parse/option-of.ts";

export default command({
  name: ["vm", "logs"],
  summary: "Print what a VM wrote to its console",
  arguments: [VM_ARGUMENT],
  options: optionsOf(LOGS_FIELDS, {}),
  examples: [
    { line: "banger vm logs demo", does: "Print the console's log: kernel, init and all" },
    { line: "banger vm logs -n 20 -f demo", does: "Print its end, and go on as the guest writes" },
    { line: "banger vm logs --service -f demo", does: "Print what the VM's own command writes" },
  ],
  async run(cli, { vm: ref }, { follow, lines, service }) {
    if (service && follow && lines !== undefined) {
      throw badUsage("--lines does not go with --service --follow", "leave one of them out");
    }
    // Before the first word comes, which may be never.
    if (follow && !service) {
      const { name, state } = await cli.client.call("vmInspect", { ref });
      if (state === "stopped" || state === "failed") {
        cli.note(`VM ${name} is ${state}. Its console goes on when it is started; Ctrl-C leaves.`);
      }
    }
    const log = cli.client.text("vmLogs", given({ ref, follow, service, lines }));
    const { stdout } = cli.io;
    // A program gets the bytes as they are; a terminal would do as they say.
    await pipeline(stdout.isTTY === true ? safeForTerminal(log) : log, stdout, { end: false });
  },
});
