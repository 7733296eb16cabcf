import { formatBytes } from "../../lib/bytes.ts";
import { command } from "../command.ts";
import type { ImageView } from "../../model/image.ts";
import { brokenRow, partBroken } from "../output/broken-text.ts";
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
    const listed = await cli.client.call("imageList", {});
    if (cli.json) return cli.printJson(listed);
    const { whole: images, broken } = partBroken(cli, listed);
    if (listed.length === 0)
      return cli.note("There are no images yet. Get one with: banger image pull debian:bookworm");
    const rows = images.map(({ name, reference, size, system, kernel, createdAt, ...image }) => [
      name,
      reference ?? cameFrom(image),
      formatBytes(size),
      system.init === "none" ? "agent" : system.init,
      kernel,
      ago(createdAt),
    ]);
    for (const { name, agent, managed, trouble } of images) {
      if (trouble.length > 0) cli.note(`${name}: ${trouble.join("; ")}`);
      if (agent === "other" && managed) {
        cli.note(`${name}: its agent is another banger's; put in this one's with: banger image refresh ${name}`);
      }
    }
    cli.print(
      table(
        ["NAME", "REFERENCE", "SIZE", "INIT", "KERNEL", "CREATED"],
        [...rows, ...broken.map((one) => brokenRow(one, 6))],
      ),
    );
  },
});

function cameFrom({
  origin,
  managed,
  rootfs,
  history,
}: Pick<ImageView, "origin" | "managed" | "rootfs" | "history">): string {
  if (origin === "register") return managed ? "promoted" : rootfs.path;
  const last = history.at(-1);
  return last?.from === undefined ? (last?.did ?? origin) : `built on ${last.from.name}`;
}
