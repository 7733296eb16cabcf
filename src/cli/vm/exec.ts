import { EXEC_FIELDS } from "../../model/fields/vm-fields.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { given } from "../parse/check-options.ts";
import { ENV_OPTIONS, readEnv } from "../parse/env-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { TTY_OPTIONS, ttyMode } from "../terminal/tty-mode.ts";

export default command({
  name: ["vm", "exec"],
  summary: "Run a command in a running VM",
  ownFailure: 125,
  arguments: [VM_ARGUMENT, { name: "command", kind: "rest", help: "the command and its words, as they are" }],
  options: {
    ...optionsOf(EXEC_FIELDS, { tty: TTY_OPTIONS, env: ENV_OPTIONS }),
  },
  details: `Needs no ssh and no network. stdin goes to the command unless it is a terminal and the command has none;
signals are passed on, and the command's exit status is the one of banger. A second SIGINT within 2 s of the first ends
banger, and with it the command.`,
  examples: [
    { line: "banger vm exec demo -- uname -a", does: "Run one command" },
    { line: "banger vm exec -t demo -- bash", does: "A shell, with a terminal" },
    { line: "banger vm exec demo -e LANG=C -w /srv -- sh -c 'sort < list'", does: "With a variable, in a folder" },
  ],
  async run(cli, { vm: ref, command: argv }, options) {
    if (argv.length === 0) throw badUsage("there is no command to run", `write \`banger vm exec ${ref} -- COMMAND\``);
    const tty = ttyMode(cli.io, options);
    const { attach } = await import("../terminal/attach.ts");
    const session = await cli.client.exec(
      { ref },
      given({
        argv: [...argv],
        ...inputOf(EXEC_FIELDS, options),
        env: await readEnv(options.env, options["env-file"], cli.io.env),
        tty: tty.size,
      }),
    );
    return attach(session, cli.io, tty);
  },
});
