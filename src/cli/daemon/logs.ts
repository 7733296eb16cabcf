import { once } from "node:events";
import { command } from "../command.ts";
import { logText } from "../output/log-text.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { ownOption } from "../parse/own-option.ts";

export default command({
  name: ["daemon", "logs"],
  summary: "Print the daemon's log",
  arguments: [],
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what comes" },
    lines: ownOption({ kind: "number", min: 0, short: "n", help: "how many of the last lines; 100 unless told" }),
  },
  details: "Reads the file itself: it is there when the daemon is not.",
  examples: [
    { line: "banger daemon logs", does: "The last 100 lines" },
    { line: "banger daemon logs -f -n 0", does: "What comes from now on" },
  ],
  async run(cli, _args, { follow, lines }) {
    const count = lines ?? 100;
    if (cli.json && follow) throw badUsage("--follow has no end, and JSON needs one", "leave one of them out");
    const { openLog, watchFile } = await import("./log-file.ts");
    const { readFrom, startOfLastLines } = await import("../../lib/last-lines.ts");
    await using log = await openLog(cli.layout.daemonLog);
    let at = await startOfLastLines(log, count);
    if (cli.json) return cli.printJson((await readFrom(log, at)).toString("utf8").split("\n").filter(Boolean));
    const copyOn = async (): Promise<void> => {
      const bytes = await readFrom(log, at);
      at += bytes.length;
      if (!cli.io.stdout.write(logText(bytes.toString("utf8")))) await once(cli.io.stdout, "drain");
    };
    await copyOn();
    if (!follow) return;
    const { promise: closed, reject } = Promise.withResolvers<never>();
    cli.io.stdout.once("error", reject);
    let copying = Promise.resolve();
    using watcher = watchFile(cli.layout.daemonLog, () => {
      copying = copying.then(copyOn);
      copying.catch(reject);
    });
    await Promise.race([closed, once(watcher.events, "error")]);
  },
});
