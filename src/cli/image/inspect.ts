import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["image", "inspect"],
  summary: "Show all about an image, as JSON",
  arguments: [IMAGE_ARGUMENT],
  options: {},
  examples: [{ line: "banger image inspect debian", does: "Show all that banger knows of it" }],
  async run(cli, { image }) {
    cli.printJson(await cli.client.call("imageInspect", { ref: image }));
  },
});
