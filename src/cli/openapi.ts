import { command } from "./command.ts";

export default command({
  arguments: [],
  options: {},
  examples: [{ line: "banger openapi", does: "Print the document, as JSON" }],
  async run(cli) {
    const [{ openApiDocument }, { VERSION }] = await Promise.all([
      import("../api/openapi.ts"),
      import("../lib/version.ts"),
    ]);
    cli.printJson(openApiDocument(VERSION));
  },
});
