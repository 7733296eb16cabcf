import { isWhole } from "../../model/broken.ts";
import type { KernelSource } from "../../model/kernel.ts";
import { formatBytes } from "../../lib/bytes.ts";
import { counted } from "../../lib/counted.ts";
import { command } from "../command.ts";
import { brokenRow, partBroken } from "../output/broken-text.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["kernel", "list"],
  summary: "List kernels",
  arguments: [],
  options: {},
  examples: [
    { line: "banger kernel list", does: "Names and releases, and what boots with each" },
    { line: "banger kernel list --json", does: "All about all of them, for a program" },
  ],
  async run(cli) {
    const listed = await cli.client.call("kernelList", {});
    if (cli.json) return cli.printJson(listed);
    const { whole: kernels, broken } = partBroken(cli, listed);
    const [allImages, allVms] = await Promise.all([cli.client.call("imageList", {}), cli.client.call("vmList", {})]);
    const [images, vms] = [allImages.filter(isWhole), allVms.filter(isWhole)];
    if (listed.length === 0) return cli.note("There are no kernels yet. Get one with: banger kernel pull debian-cloud");
    const rows = kernels.map(({ id, name, release, arch, source, sizeBytes, createdAt }) => [
      name,
      release,
      arch,
      describeSource(source),
      formatBytes(sizeBytes),
      ago(createdAt),
      usedBy(
        images.filter((image) => image.kernel === name).map((image) => image.name),
        vms.filter((vm) => vm.kernel.id === id).map((vm) => vm.name),
      ),
    ]);
    const broke = broken.map((one) => brokenRow(one, 7));
    cli.print(table(["NAME", "RELEASE", "ARCH", "SOURCE", "SIZE", "CREATED", "USED BY"], [...rows, ...broke]));
  },
});

/** `debian, 3 VMs`: one by its name, more by their number. */
function usedBy(images: readonly string[], vms: readonly string[]): string {
  const parts = [one(images, "image"), one(vms, "VM")].filter((part) => part !== "");
  return parts.length === 0 ? "-" : parts.join(", ");
}

function one(names: readonly string[], noun: string): string {
  return names.length > 1 ? counted(names.length, noun) : names.map((name) => `${noun} ${name}`).join("");
}

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
