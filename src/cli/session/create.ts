import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { given } from "../parse/check-options.ts";
import { ENV_OPTIONS, readEnv } from "../parse/env-options.ts";
import { windowSize } from "../terminal/tty-mode.ts";
import { ownOption } from "../parse/own-option.ts";

export default command({
  name: ["session", "create"],
  summary: "Start a command in a running VM that goes on by itself",
  arguments: [VM_ARGUMENT, { name: "command", kind: "rest", help: "the command and its words, as they are" }],
  options: {
    name: ownOption({
      kind: "text",
      short: "n",
      value: "NAME",
      help: "of the session; made from the program's unless told",
    }),
    tty: { type: "boolean", short: "t", help: "give it a terminal" },
    stdin: { type: "boolean", short: "i", help: "keep its stdin open, to be sent to; a terminal always is" },
    cwd: ownOption({ kind: "text", short: "w", value: "DIR", help: "run in this folder of the guest" }),
    user: ownOption({
      kind: "text",
      short: "u",
      value: "USER",
      help: "run as this user of the guest; the image's unless told",
    }),
    ...ENV_OPTIONS,
  },
  details: `It goes on when this command, the daemon or the guest's agent ends, until it ends itself or the guest goes down. What it
prints and how it ended stay on the guest's disk until \`banger session delete\`.`,
  examples: [
    { line: "banger session create demo --name work --tty -- bash -l", does: "A shell to come back to" },
    { line: "banger session create demo -w /srv -- make -j4", does: "A build that needs nobody" },
  ],
  async run(cli, { vm: ref, command: words }, options) {
    if (words.length === 0) {
      throw badUsage("there is no command to run", `write \`banger session create ${ref} -- COMMAND\``);
    }
    const terminal = { ...windowSize(cli.io), term: cli.io.env["TERM"] ?? "xterm-256color" };
    const session = await cli.client.call("vmSessionCreate", {
      ref,
      command: [...words],
      env: await readEnv(options.env, options["env-file"], cli.io.env),
      stdin: options.stdin,
      ...given({ name: options.name, cwd: options.cwd, user: options.user }),
      ...(options.tty && { terminal }),
    });
    if (cli.json) return cli.printJson(session);
    cli.print(session.name);
    cli.note(`Attach with \`banger session attach ${ref} ${session.name}\`.`);
  },
});
