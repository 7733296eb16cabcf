import { pipeline } from "node:stream/promises";
import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { safeForTerminal } from "../output/guest-text.ts";
import { given } from "../parse/check-options.ts";
import { parseSince } from "../parse/since-option.ts";

export default command({
  name: ["session", "logs"],
  summary: "Print what a session has printed, as far as it is kept",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT],
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what comes, until it ends" },
    since: {
      type: "string",
      value: "TIME",
      help: "only what is newer: 10m, 2h, 3d, or an instant",
      read: (word: string) => parseSince(word),
    },
  },
  details: `The last 8 MiB are kept. A program gets the bytes as they are; on a terminal only colours are acted on. The screen of a
program that draws one is seen by \`banger session attach\`.`,
  examples: [
    { line: "banger session logs demo build", does: "All of it" },
    { line: "banger session logs demo build --since 10m -f", does: "The last ten minutes, and what comes" },
  ],
  async run(cli, { vm: ref, session: name }, { follow, since }) {
    const log = cli.client.text("vmSessionLogs", { ref, name, follow, ...given({ since }) });
    const { stdout } = cli.io;
    await pipeline(stdout.isTTY === true ? safeForTerminal(log) : log, stdout, { end: false });
  },
});
