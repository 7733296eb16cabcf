import type { Command } from "../command.ts";
import { columns } from "./columns.ts";
import { TOPICS } from "./topics.ts";

/** What the first words of commands stand for. */
const NOUNS: Readonly<Record<string, string>> = {
  vm: "Virtual machines",
  session: "Commands that go on in VMs by themselves",
  workspace: "Work trees of git's in VMs, and the way home of what is done there",
  volume: "Disks that outlive the VMs that mount them",
  image: "VM images, made from container images",
  kernel: "Kernels that VMs boot with",
  daemon: "The daemon that does the work",
  operation: "What the daemon is doing, for whomever",
  system: "What banger keeps on this host",
};

/** What `banger` alone says. */
export function overview(commands: readonly Command[]): string {
  const listed = commands.filter(({ hidden }) => hidden !== true);
  const single = listed.flatMap(({ name, short, summary }): (readonly [string, string])[] => {
    if (name.length === 1) return [[name[0], summary]];
    return short === undefined ? [] : [[short, `${summary} (${name.join(" ")})`]];
  });
  const verbs = Map.groupBy(
    listed.filter(({ name }) => name.length > 1),
    ({ name }) => name[0],
  );
  return `banger turns any container image into a real virtual machine.

Usage: banger COMMAND [OPTIONS]

Begin with:
  banger run debian:bookworm        a shell in a new VM, gone when you leave it
  banger doctor                     what this host can and cannot do

Commands:
${columns(single)}

Things, and what can be done with them:
${columns([...verbs].map(([noun, its]) => [noun, its.map(({ name }) => name[1] ?? "").join(", ")]))}

Topics, with \`banger help TOPIC\`:
${columns(Object.entries(TOPICS).map(([name, { summary }]) => [name, summary]))}

Every command has --help, with examples, and --json.
`;
}

/** What `banger vm` alone says. */
export function nounHelp(commands: readonly Command[], noun: string): string {
  const its = commands.filter(({ name, hidden }) => name[0] === noun && hidden !== true);
  return `${NOUNS[noun] ?? noun}

Usage: banger ${noun} COMMAND [OPTIONS]

Commands:
${columns(its.map(({ name, summary }) => [name.slice(1).join(" "), summary]))}

\`banger ${noun} COMMAND --help\` explains a command, with examples.
`;
}
