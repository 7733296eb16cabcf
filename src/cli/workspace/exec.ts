import { WORKSPACE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { given } from "../parse/check-options.ts";
import { ENV_OPTIONS, readEnv } from "../parse/env-options.ts";
import { TTY_OPTIONS, ttyMode } from "../terminal/tty-mode.ts";

export default command({
  name: ["workspace", "exec"],
  summary: "Run a command in a workspace",
  ownFailure: 125,
  arguments: [WORKSPACE_ARGUMENT, { name: "command", kind: "rest", help: "the command and its words, as they are" }],
  options: { ...TTY_OPTIONS, ...ENV_OPTIONS },
  details: `As vm exec, in the workspace's folder and as its user.`,
  examples: [
    { line: "banger workspace exec app -- git status", does: "What git says there" },
    { line: "banger workspace exec app -t -- bash", does: "A shell" },
  ],
  async run(cli, { workspace, command: argv }, options) {
    if (argv.length === 0)
      throw badUsage("there is no command to run", `write \`banger workspace exec ${workspace} -- COMMAND\``);
    const tty = ttyMode(cli.io, options);
    const { vm, path, user } = await cli.client.call("workspaceInspect", { ref: workspace });
    const { attach } = await import("../terminal/attach.ts");
    const session = await cli.client.exec(
      { ref: vm.id },
      given({
        argv: [...argv],
        env: await readEnv(options.env, options["env-file"], cli.io.env),
        user: user === "" ? "0" : user,
        cwd: path,
        tty: tty.size,
      }),
    );
    return attach(session, cli.io, tty);
  },
});
