import { command } from "./command.ts";

export default command({
  name: ["openapi"],
  summary: "Print the API's OpenAPI document",
  hidden: true,
  arguments: [],
  options: {},
  examples: [{ line: "banger openapi", does: "Print the document, as JSON" }],
  async run(cli) {
    const [{ openApiDocument }, { contract }, { VERSION }] = await Promise.all([
      import("../api/openapi.ts"),
      import("../api/contract.ts"),
      import("../lib/version.ts"),
    ]);
    cli.printJson(openApiDocument(VERSION, contract));
  },
});
