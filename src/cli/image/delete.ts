import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["image", "delete"],
  summary: "Delete an image that no VM uses",
  arguments: [IMAGE_ARGUMENT],
  options: {},
  examples: [{ line: "banger image delete debian", does: "Delete it, with its files" }],
  async run(cli, { image }) {
    const result = await cli.client.call("imageDelete", { ref: image });
    if (cli.json) cli.printJson(result);
    else cli.print(`Image ${image} is deleted.`);
  },
});
