import { command } from "../command.ts";
import { brokenRow, partBroken } from "../output/broken-text.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["workspace", "list"],
  summary: "List workspaces",
  arguments: [],
  options: {},
  examples: [{ line: "banger workspace list", does: "Names, VMs, folders, and what came home" }],
  async run(cli) {
    const listed = await cli.client.call("workspaceList", {});
    if (cli.json) return cli.printJson(listed);
    if (listed.length === 0) return cli.note("There are no workspaces yet. Make one with: banger workspace create");
    const { whole, broken } = partBroken(cli, listed);
    const rows = whole.map(({ name, vm, vmState, path, directory, createdAt, pulled }) => [
      name,
      `${vm.name} (${vmState})`,
      path,
      directory,
      ago(createdAt),
      pulled === undefined ? "never" : ago(pulled.at),
    ]);
    const columns = ["NAME", "VM", "PATH", "WORK TREE", "CREATED", "PULLED"];
    cli.print(table(columns, [...rows, ...broken.map((one) => brokenRow(one, columns.length))]));
  },
});
