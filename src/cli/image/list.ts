import { formatBytes } from "../../lib/bytes.ts";
import { command } from "../command.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["image", "list"],
  summary: "List images",
  arguments: [],
  options: {},
  examples: [
    { line: "banger image list", does: "Names, and where they came from" },
    { line: "banger image list --json", does: "All about all of them, for a program" },
  ],
  async run(cli) {
    const images = await cli.client.call("imageList", {});
    if (cli.json) return cli.printJson(images);
    if (images.length === 0)
      return cli.note("There are no images yet. Get one with: banger image pull debian:bookworm");
    const rows = images.map(({ name, origin, reference, size, system, kernel, createdAt }) => [
      name,
      reference ?? origin,
      formatBytes(size),
      system.init === "none" ? "agent" : system.init,
      kernel,
      ago(createdAt),
    ]);
    cli.print(table(["NAME", "REFERENCE", "SIZE", "INIT", "KERNEL", "CREATED"], rows));
  },
});
