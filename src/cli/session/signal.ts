import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";

export default command({
  name: ["session", "signal"],
  summary: "Send a signal to a session's command",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT, { name: "signal", help: "its name, with or without SIG, or its number" }],
  options: {},
  details: "It goes to the process group that the command leads: what a shell has put into others does not get it.",
  examples: [{ line: "banger session signal demo build TERM", does: "Ask it to end" }],
  async run(cli, { vm: ref, session: name, signal }) {
    await cli.client.call("vmSessionSignal", { ref, name, signal });
    if (cli.json) cli.printJson({});
  },
});
