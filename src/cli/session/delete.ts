import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";

export default command({
  name: ["session", "delete"],
  summary: "Forget sessions that have ended, with their logs",
  arguments: [VM_ARGUMENT, { name: "session", kind: "several", help: "names of sessions" }],
  options: { force: { type: "boolean", short: "f", help: "kill those that run" } },
  examples: [{ line: "banger session delete demo build --force", does: "Whether or not it has ended" }],
  run: (cli, { vm: ref, session: names }, { force }) =>
    forEach(
      cli,
      names,
      (name) => cli.client.call("vmSessionDelete", { ref, name, force }),
      (_result, name) => `Session ${name} is deleted.`,
    ),
});
