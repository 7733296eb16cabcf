import { command } from "./command.ts";
import { hasColour } from "./io.ts";
import { doctorText } from "./output/doctor-text.ts";

/** The exit status of what the host lacks, as in the table of error codes. */
const CANNOT_RUN_VMS = 5;

export default command({
  name: ["doctor"],
  summary: "Say what this host can do, and how to mend the rest",
  arguments: [],
  options: {},
  details: `Ends with 0 when VMs can run here, and with ${CANNOT_RUN_VMS} when they cannot.`,
  examples: [
    { line: "banger doctor", does: "Look at this host" },
    { line: "banger doctor --json", does: "The same for a program" },
  ],
  async run(cli) {
    const report = await cli.client.call("doctor", {});
    if (cli.json) cli.printJson(report);
    else cli.io.stdout.write(`${doctorText(report, hasColour(cli.io.stdout, cli.io.env))}\n`);
    return report.canRunVms ? 0 : CANNOT_RUN_VMS;
  },
});
