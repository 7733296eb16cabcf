import { formatBytes } from "../../lib/bytes.ts";
import { command } from "../command.ts";
import { brokenRow, partBroken } from "../output/broken-text.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";
import { stateWords } from "../output/vm-text.ts";

export default command({
  name: ["vm", "list"],
  summary: "List VMs",
  arguments: [],
  options: {},
  examples: [
    { line: "banger vm list", does: "Names and states" },
    { line: "banger vm list --json", does: "All about all of them, for a program" },
  ],
  async run(cli) {
    const vms = await cli.client.call("vmList", {});
    if (cli.json) return cli.printJson(vms);
    if (vms.length === 0) return cli.note("There are no VMs yet. This makes one: banger run debian:bookworm");
    const { whole, broken } = partBroken(cli, vms);
    const rows = whole.map(({ name, state, unresponsive, pausedBecause, reboots, image, spec, network, createdAt }) => [
      name,
      `${stateWords({ state, pausedBecause, unresponsive })}${reboots === undefined ? "" : `, rebooted ${ago(reboots.lastAt)}`}`,
      image.name,
      String(spec.vcpus),
      formatBytes(spec.memoryBytes),
      network.mode === "none" ? "none" : "nat",
      ago(createdAt),
    ]);
    for (const { name, unresponsive } of whole) {
      if (unresponsive !== undefined)
        cli.note(`VM ${name} has not answered since ${unresponsive.since}: ${unresponsive.fix}`);
    }
    const all = [...rows, ...broken.map((one) => brokenRow(one, 7))];
    cli.print(table(["NAME", "STATE", "IMAGE", "VCPUS", "MEMORY", "NETWORK", "CREATED"], all));
  },
});
