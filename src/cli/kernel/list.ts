import type { KernelSource } from "../../model/kernel.ts";
import { formatBytes } from "../../lib/bytes.ts";
import { command } from "../command.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["kernel", "list"],
  summary: "List kernels",
  arguments: [],
  options: {},
  examples: [
    { line: "banger kernel list", does: "Names and releases" },
    { line: "banger kernel list --json", does: "All about all of them, for a program" },
  ],
  async run(cli) {
    const kernels = await cli.client.call("kernelList", {});
    if (cli.json) return cli.printJson(kernels);
    if (kernels.length === 0)
      return cli.note("There are no kernels yet. Get one with: banger kernel pull debian-cloud");
    const rows = kernels.map(({ name, release, arch, source, sizeBytes, createdAt }) => [
      name,
      release,
      arch,
      describeSource(source),
      formatBytes(sizeBytes),
      ago(createdAt),
    ]);
    cli.print(table(["NAME", "RELEASE", "ARCH", "SOURCE", "SIZE", "CREATED"], rows));
  },
});

function describeSource(source: KernelSource): string {
  switch (source.kind) {
    case "debian":
      return `debian ${source.suite}`;
    case "catalog":
      return `catalog ${source.kernel} ${source.version}`;
    case "build":
      return "built";
    case "import":
      return "imported";
    case "artefact":
      return `with ${source.reference}`;
  }
}
