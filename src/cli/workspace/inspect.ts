import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { facts } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["workspace", "inspect"],
  summary: "Show a workspace",
  arguments: [WORKSPACE_ARGUMENT],
  options: {},
  examples: [
    { line: "banger workspace inspect app", does: "Where it is, and what was brought in and home" },
    { line: "banger workspace inspect app --json", does: "All that banger knows of it, for a program" },
  ],
  async run(cli, { workspace }) {
    const found = await cli.client.call("workspaceInspect", { ref: workspace });
    if (cli.json) return cli.printJson(found);
    const { name, id, vm, vmState, path, user, directory, branch, createdAt, sent, pushed, pulled, notes } = found;
    cli.print(
      facts([
        ["Workspace", `${name} (${id}), ${ago(createdAt)}`],
        ["VM", `${vm.name} (${vmState})`],
        ["In the guest", `${path}, of ${user === "" ? "root" : user}`],
        ["Work tree", directory],
        ["Branch", branch ?? "none: HEAD was detached"],
        ["Brought in", sent.head ?? "no commit yet"],
        ...(pushed === undefined ? [] : [["Pushed", pushed] as const]),
        ["Came home", pulled === undefined ? "nothing yet" : `${pulled.head ?? "no commit"}, ${ago(pulled.at)}`],
        ...notes.map((note) => ["Mind", note] as const),
      ]),
    );
  },
});
