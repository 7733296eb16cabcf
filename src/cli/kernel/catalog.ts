import type { CatalogView } from "../../model/kernel-catalog.ts";
import { formatBytes } from "../../lib/bytes.ts";
import { command } from "../command.ts";
import { table } from "../output/table.ts";

export default command({
  name: ["kernel", "catalog"],
  summary: "List the kernels that catalogs offer",
  details:
    "Reads the catalogs of [[kernel_catalogs]] in config.toml and checks their signatures. One that cannot be read, or " +
    "is not what it should be, is named with the reason; the exit status is then 6.",
  arguments: [],
  options: {},
  examples: [
    { line: "banger kernel catalog", does: "What can be pulled, and what can be built" },
    { line: "banger kernel catalog --json", does: "With all that the catalogs say of each" },
  ],
  async run(cli) {
    const catalogs = await cli.client.call("kernelCatalogs", {});
    const failed = catalogs.some(({ error }) => error !== undefined);
    if (cli.json) {
      cli.printJson(catalogs);
      return failed ? 6 : 0;
    }
    const rows = catalogs.flatMap(({ url, kernels }) =>
      kernels.map((kernel) => [
        kernel.name,
        kernel.version,
        kernel.arch,
        kernel.sizeBytes === undefined ? "-" : formatBytes(kernel.sizeBytes),
        how(kernel),
        url,
      ]),
    );
    cli.print(table(["NAME", "VERSION", "ARCH", "SIZE", "HOW", "CATALOG"], rows));
    for (const { url, error } of catalogs) {
      if (error === undefined) continue;
      cli.note(`${url}: ${error.what}${error.why === undefined ? "" : `: ${error.why}`}\n  fix: ${error.fix}`);
    }
    return failed ? 6 : 0;
  },
});

function how({ here, sizeBytes, buildable }: CatalogView["kernels"][number]): string {
  if (here.length > 0) return `here as ${here.join(", ")}`;
  if (sizeBytes !== undefined) return "pull";
  return buildable ? "pull --build" : "not served";
}
