import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { ownOption } from "../parse/own-option.ts";
import { sshSettings } from "../ssh/settings.ts";
import { bangerCommand } from "../programs.ts";

export default command({
  name: ["vm", "ssh"],
  summary: "Log in to a VM with your own ssh",
  ownFailure: 255,
  arguments: [
    { ...VM_ARGUMENT, help: "name or id of the VM, or USER@VM" },
    { name: "ssh-option", kind: "passed-on", help: "options of ssh, as they are: -L, -A, -v, …" },
    { name: "command", kind: "rest", help: "what to run; a shell when there is none" },
  ],
  options: {
    user: ownOption({ kind: "text", short: "l", value: "USER", help: "log in as this user of the guest" }),
  },
  details: `Runs your own ssh, with your key, through the line that banger has to the VM: the guest needs no network and
no sshd. The guest's host key is known beforehand, so there is nothing to confirm.`,
  examples: [
    { line: "banger vm ssh demo", does: "A shell" },
    { line: 'banger vm ssh demo -- "id; uname -r"', does: "Commands, by the guest's shell" },
    { line: "banger vm ssh demo -L 8080:localhost:80 -N", does: "Options of ssh stand after the name" },
  ],
  async run(cli, { vm, "ssh-option": sshOptions, command: words }, { user }) {
    const { runSsh } = await import("../ssh/run-ssh.ts");
    const at = vm.lastIndexOf("@");
    const access = await cli.client.call("vmSsh", { ref: vm.slice(at + 1) });
    const settings = sshSettings(access, bangerCommand());
    const login = user ?? (at === -1 ? access.user : vm.slice(0, at));
    return runSsh([
      ...settings.flatMap(([key, value]) => ["-o", `${key}=${value}`]),
      "-l",
      login,
      ...sshOptions,
      "--",
      access.name,
      ...words,
    ]);
  },
});
