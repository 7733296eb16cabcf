import { command } from "../command.ts";
import { bangerCommand } from "../programs.ts";
import { sshConfigBlock } from "../ssh/settings.ts";

export default command({
  name: ["vm", "ssh-config"],
  summary: "Print ssh_config lines, for scp, rsync and editors",
  arguments: [{ name: "vm", names: "vm", kind: "optional", help: "name or id of a VM; all that run when absent" }],
  options: {},
  details: "Hosts are called NAME.banger. Put the lines into a file, and `Include` it in ~/.ssh/config.",
  examples: [
    { line: "banger vm ssh-config demo", does: "Print the lines of one VM" },
    { line: "banger vm ssh-config > ~/.ssh/banger.conf", does: "Keep those of all; then: scp file demo.banger:" },
  ],
  async run(cli, { vm }) {
    const refs = vm === undefined ? await runningVms() : [vm];
    const blocks = [];
    for (const ref of refs) blocks.push(await cli.client.call("vmSsh", { ref }));
    if (cli.json) return cli.printJson(blocks);
    if (blocks.length === 0) return cli.note("No VM runs. Start one with: banger vm start NAME");
    cli.print(blocks.map((access) => sshConfigBlock(access, bangerCommand())).join("\n\n"));

    async function runningVms(): Promise<readonly string[]> {
      const vms = await cli.client.call("vmList", {});
      return vms.flatMap(({ id, state }) => (state === "running" ? [id] : []));
    }
  },
});
