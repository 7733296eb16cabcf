import { once } from "node:events";
import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { wholeNumber } from "../parse/check-options.ts";

const CHUNK_BYTES = 64 * 1024;
/** How far back from its end lines are looked for. */
const MAX_TAIL_BYTES = 4 * 1024 ** 2;
const NEWLINE = 0x0a;

export default command({
  arguments: [],
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what comes" },
    lines: { type: "string", short: "n", value: "N", help: "how many of the last lines; 100 unless told" },
  },
  details: "Reads the file itself: it is there when the daemon is not.",
  examples: [
    { line: "banger daemon logs", does: "The last 100 lines" },
    { line: "banger daemon logs -f -n 0", does: "What comes from now on" },
  ],
  async run(cli, _args, { follow, lines }) {
    const count = wholeNumber("--lines", lines) ?? 100;
    if (cli.json && follow) throw badUsage("--follow has no end, and JSON needs one", "leave one of them out");
    await using log = await openLog(cli.layout.daemonLog);
    let at = await startOfLastLines(log, count);
    if (cli.json) return cli.printJson((await readFrom(log, at)).toString("utf8").split("\n").filter(Boolean));
    const copyOn = async (): Promise<void> => {
      const bytes = await readFrom(log, at);
      at += bytes.length;
      if (!cli.io.stdout.write(bytes)) await once(cli.io.stdout, "drain");
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

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    throw new BangerError("FILE_UNREADABLE", {
      what: "the daemon has no log yet",
      why: `there is no ${path}`,
      fix: "start the daemon with `banger daemon start`",
      cause: error,
    });
  }
}

/** Where the last lines of a file begin. */
async function startOfLastLines(log: FileHandle, count: number): Promise<number> {
  const { size } = await log.stat();
  const from = Math.max(0, size - MAX_TAIL_BYTES);
  const tail = await readFrom(log, from, size);
  // The end of the last line is not the beginning of another.
  let at = tail.length;
  for (let left = count; left >= 0 && at > 0; left -= 1) {
    const before = tail.lastIndexOf(NEWLINE, at - 1);
    if (left === 0) return from + at;
    at = before === -1 ? 0 : before;
    if (before === -1) return from;
  }
  return from + at;
}

async function readFrom(log: FileHandle, from: number, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const { size } = await log.stat();
  const end = Math.min(size, to);
  const chunks: Buffer[] = [];
  for (let at = from; at < end;) {
    const { buffer, bytesRead } = await log.read(Buffer.alloc(Math.min(CHUNK_BYTES, end - at)), 0, undefined, at);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return Buffer.concat(chunks);
}

function watchFile(path: string, onChange: () => void) {
  const events = watch(path, onChange);
  return { events, [Symbol.dispose]: () => events.close() };
}
