import { commands } from "./registry.ts";
import { runCli } from "./run-cli.ts";

const status = await runCli(commands, process.argv.slice(2), process);
// Open handles (a terminal that is still read) must not keep us; what was written must be out first.
process.exitCode = status;
process.stdout.write("", () => process.stderr.write("", () => process.exit(status)));
