import { type Cli, command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { bangerCommand } from "../programs.ts";
import { sshConfigBlock, sshWildcardBlock } from "../ssh/settings.ts";

export default command({
  name: ["vm", "ssh-config"],
  short: "ssh-config",
  summary: "Have ssh, scp, rsync and editors know VMs as NAME.banger",
  arguments: [{ name: "vm", names: "vm", kind: "optional", help: "name or id of a VM; all that run when absent" }],
  options: {
    install: { type: "boolean", help: "have ~/.ssh/config include lines for every VM, now and later" },
    uninstall: { type: "boolean", help: "take that back" },
  },
  details:
    "Without an option it prints the lines, and changes nothing. Once installed, `ssh NAME.banger` works for each VM.",
  examples: [
    { line: "banger ssh-config --install", does: "Once; then: ssh demo.banger, scp file demo.banger:" },
    { line: "banger vm ssh-config demo", does: "Print the lines of one VM, to be put where you like" },
  ],
  async run(cli, { vm }, { install, uninstall }) {
    if (!install && !uninstall) return print(cli, vm);
    if (vm !== undefined || (install && uninstall)) {
      throw badUsage(
        "--install and --uninstall are for all VMs at once, and one at a time",
        "write `banger ssh-config --install`",
      );
    }
    const { installInclude, uninstallInclude } = await import("../ssh/include.ts");
    const { sshConfig, sshHostsDir } = cli.layout;
    if (uninstall) {
      const { userConfig, changed } = await uninstallInclude(sshConfig, sshHostsDir, cli.io.env);
      if (cli.json) return cli.printJson({ userConfig, changed });
      return cli.print(changed ? `${userConfig} does not include ${sshConfig} any more.` : "It was not installed.");
    }
    const { keyPath } = await cli.client.call("sshKey", {});
    const block = sshWildcardBlock(keyPath, sshHostsDir, bangerCommand());
    const { userConfig, changed } = await installInclude(sshConfig, block, cli.io.env);
    if (cli.json) return cli.printJson({ userConfig, changed, config: sshConfig });
    cli.print(`${userConfig} ${changed ? "now includes" : "includes"} ${sshConfig}.`);
    cli.note("Try: ssh NAME.banger");
  },
});

async function print(cli: Cli, vm: string | undefined): Promise<void> {
  const refs = vm === undefined ? await runningVms(cli) : [vm];
  const blocks = [];
  for (const ref of refs) blocks.push(await cli.client.call("vmSsh", { ref }));
  if (cli.json) return cli.printJson(blocks);
  if (blocks.length === 0) return cli.note("No VM runs. Start one with: banger vm start NAME");
  cli.print(blocks.map((access) => sshConfigBlock(access, bangerCommand())).join("\n\n"));
}

async function runningVms(cli: Cli): Promise<readonly string[]> {
  const vms = await cli.client.call("vmList", {});
  return vms.flatMap(({ id, state }) => (state === "running" ? [id] : []));
}
