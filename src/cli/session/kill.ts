import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["session", "kill"],
  summary: "Kill a session's command",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT],
  options: {},
  details: "By SIGKILL. Its log stays until `banger session delete`.",
  examples: [{ line: "banger session kill demo build", does: "End it at once" }],
  async run(cli, { vm: ref, session: name }) {
    const session = await cli.client.call("vmSessionKill", { ref, name });
    if (cli.json) cli.printJson(session);
    else cli.print(`Session ${name} is ${session.state}.`);
  },
});
