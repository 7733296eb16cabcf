import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { bangerCommand } from "../programs.ts";
import { sshSettings } from "../ssh/settings.ts";

export default command({
  name: ["workspace", "ssh"],
  summary: "Log in to a workspace with your own ssh",
  ownFailure: 255,
  arguments: [
    WORKSPACE_ARGUMENT,
    { name: "ssh-option", kind: "passed-on", help: "options of ssh, as they are: -L, -A, -v, …" },
    { name: "command", kind: "rest", help: "what to run; a shell when there is none" },
  ],
  options: {},
  details: `As vm ssh, in the workspace's folder and as its user.`,
  examples: [{ line: "banger workspace ssh app", does: "A shell in its folder" }],
  async run(cli, { workspace, "ssh-option": sshOptions, command: words }) {
    const { runSsh } = await import("../ssh/run-ssh.ts");
    const { vm, path, user } = await cli.client.call("workspaceInspect", { ref: workspace });
    const access = await cli.client.call("vmSsh", { ref: vm.id });
    const settings = sshSettings(access, bangerCommand());
    const there = `cd '${path.replaceAll("'", "'\\''")}' && `;
    const shell = words.length === 0 ? 'exec "${SHELL:-/bin/sh}" -l' : words.join(" ");
    return runSsh([
      ...settings.flatMap(([key, value]) => ["-o", `${key}=${value}`]),
      "-l",
      user === "" ? access.user : user,
      ...(words.length === 0 ? ["-t"] : []),
      ...sshOptions,
      "--",
      access.name,
      `${there}${shell}`,
    ]);
  },
});
