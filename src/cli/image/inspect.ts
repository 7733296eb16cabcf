import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { imageText } from "../output/image-text.ts";

export default command({
  name: ["image", "inspect"],
  summary: "Show what an image is made of, and what its VMs run",
  arguments: [IMAGE_ARGUMENT],
  options: {},
  examples: [
    { line: "banger image inspect debian", does: "Config, disks, layers with sizes and digests" },
    { line: "banger image inspect debian --json", does: "All that banger knows of it, for a program" },
  ],
  async run(cli, { image }) {
    const found = await cli.client.call("imageInspect", { ref: image });
    if (cli.json) cli.printJson(found);
    else cli.print(imageText(found));
  },
});
