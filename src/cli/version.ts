import { command } from "./command.ts";

export default command({
  name: ["version"],
  summary: "Print the version",
  arguments: [],
  options: {},
  examples: [
    { line: "banger version", does: "Print the version of banger" },
    { line: "banger version --json", does: "Print it for a program" },
  ],
  async run(cli) {
    const { VERSION } = await import("../lib/version.ts");
    if (cli.json) cli.printJson({ version: VERSION });
    else cli.print(`banger ${VERSION}`);
  },
});
