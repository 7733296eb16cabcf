import { VOLUME_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["volume", "inspect"],
  summary: "Show all about a volume, as JSON",
  arguments: [VOLUME_ARGUMENT],
  options: {},
  examples: [{ line: "banger volume inspect data", does: "Its file, its size, and who mounts it" }],
  async run(cli, { volume }) {
    cli.printJson(await cli.client.call("volumeInspect", { ref: volume }));
  },
});
