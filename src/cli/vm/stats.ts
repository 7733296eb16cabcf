import { formatBytes } from "../../lib/bytes.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { facts } from "../output/table.ts";
import { duration } from "../output/times.ts";

export default command({
  name: ["vm", "stats"],
  summary: "Show what a running VM uses",
  arguments: [VM_ARGUMENT],
  options: {},
  examples: [{ line: "banger vm stats demo", does: "Memory, time on the CPU, load, as the guest sees them" }],
  async run(cli, { vm: ref }) {
    const stats = await cli.client.call("vmStats", { ref });
    if (cli.json) return cli.printJson(stats);
    const used = Math.max(0, stats.memoryTotalBytes - stats.memoryAvailableBytes);
    cli.print(
      facts([
        ["Up for", duration(stats.uptimeMs)],
        ["Memory", `${formatBytes(used)} of ${formatBytes(stats.memoryTotalBytes)}`],
        ["CPU time", duration(stats.cpuMs)],
        ["Load", stats.load1.toFixed(2)],
        ["Processes", String(stats.processes)],
      ]),
    );
  },
});
