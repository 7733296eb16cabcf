import { type Command, command } from "../command.ts";
import { findCommand } from "../parse/find-command.ts";
import { commandHelp } from "./command-help.ts";
import { nounHelp, overview } from "./overview.ts";
import { TOPICS } from "./topics.ts";

export default command({
  name: ["help"],
  summary: "Explain a command, or a topic",
  arguments: [{ name: "topic", kind: "rest", help: "a command, or one of the topics that `banger help` lists" }],
  options: {},
  examples: [
    { line: "banger help vm create", does: "Explain a command" },
    { line: "banger help exit-codes", does: "Exit statuses, for scripts" },
  ],
  async run(cli, { topic }) {
    cli.io.stdout.write(explain(cli.commands, topic));
  },
});

function explain(commands: readonly Command[], words: readonly string[]): string {
  const topic = TOPICS[words[0] ?? ""];
  if (topic !== undefined) return topic.text();
  const found = findCommand(commands, words);
  if (found.kind === "overview") return overview(commands);
  if (found.kind === "noun") return nounHelp(commands, found.noun);
  return commandHelp(found.command);
}
