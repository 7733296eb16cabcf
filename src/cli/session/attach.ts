import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { windowSize } from "../terminal/tty-mode.ts";

export default command({
  name: ["session", "attach"],
  summary: "See what a session shows, and type into it",
  ownFailure: 125,
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT],
  options: {
    steal: { type: "boolean", help: "take over from the one who writes now" },
    "read-only": { type: "boolean", short: "r", help: "only watch" },
  },
  details: `Ctrl-P Ctrl-Q detaches, and the session goes on. A terminal is shown as it is now, and takes the size of this one. One at a
time writes; any number may watch. Without a terminal it begins with the last of what was printed. When the session ends,
its exit status is that of banger; after detaching it is 0.`,
  examples: [
    { line: "banger session attach demo work", does: "Go on where it was left" },
    { line: "banger session attach demo work --steal", does: "From another terminal, though the first still holds it" },
    { line: "banger session attach demo work --read-only", does: "Look over its shoulder" },
  ],
  async run(cli, { vm: ref, session: name }, { steal, "read-only": readOnly }) {
    if (steal && readOnly) throw badUsage("--steal and --read-only contradict each other", "give one of them");
    const { io, client } = cli;
    const isTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true;
    const { attachSession } = await import("../terminal/attach-session.ts");
    const size = isTerminal && !readOnly ? windowSize(io) : undefined;
    const session = await client.attach({ ref, name }, { write: !readOnly, steal, ...(size && { size }) });
    const status = await attachSession(session, io, { readOnly, isTerminal });
    if (status === undefined)
      cli.note(`${isTerminal ? "\r\n" : ""}Detached from session ${name} of ${ref}; it goes on.`);
    return status ?? 0;
  },
});
