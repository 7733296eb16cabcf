import { verbsOf } from "../parse/find-command.ts";
import { NOUNS, registry } from "../registry.ts";
import { columns } from "./columns.ts";
import { TOPICS } from "./topics.ts";

/** What `banger` alone says. */
export function overview(): string {
  const single = registry.filter(({ words, hidden }) => words.length === 1 && hidden !== true);
  const nouns = Object.keys(NOUNS).map((noun): [string, string] => [
    noun,
    verbsOf(noun)
      .map(({ words }) => words[1] ?? "")
      .join(", "),
  ]);
  return `banger turns any container image into a real virtual machine.

Usage: banger COMMAND [OPTIONS]

Begin with:
  banger run debian:bookworm        a shell in a new VM, gone when you leave it
  banger doctor                     what this host can and cannot do

Commands:
${columns(single.map(({ words, summary }) => [words.join(" "), summary]))}

Things, and what can be done with them:
${columns(nouns)}

Topics, with \`banger help TOPIC\`:
${columns(Object.entries(TOPICS).map(([name, { summary }]) => [name, summary]))}

Every command has --help, with examples, and --json.
`;
}

/** What `banger vm` alone says. */
export function nounHelp(noun: keyof typeof NOUNS): string {
  return `${NOUNS[noun]}

Usage: banger ${noun} COMMAND [OPTIONS]

Commands:
${columns(verbsOf(noun).map(({ words, summary }) => [words.slice(1).join(" "), summary]))}

\`banger ${noun} COMMAND --help\` explains a command, with examples.
`;
}
