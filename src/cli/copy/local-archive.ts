import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { signalChild } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { spawnConfined } from "../../lib/launch.ts";

/** Most that is kept of what the program says for itself. */
const MAX_SAID = 2000;

/** What becomes of an archive on this host. */
export interface Unpacked {
  readonly bytes: number;
  readonly entries: number;
}

/**
 * Packs a file or folder of this host, by the same program that packs in a guest.
 *
 * @throws BangerError `FILE_UNREADABLE`, from the iteration: then what came before is not all.
 */
export async function* packLocal(
  agent: string,
  path: string,
  name: string,
  follow: boolean,
): AsyncGenerator<Uint8Array> {
  const args = ["pack-files", "--name", name, ...(follow ? ["--follow"] : []), "--", path];
  const child = spawnConfined({ program: agent, args, stdio: ["ignore", "pipe", "pipe"], session: "ours" });
  const ended = endOf(child);
  const said = wordsOf(child);
  let isRead = false;
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    isRead = true;
  } finally {
    // Whoever takes no more of it has its reasons.
    if (!isRead) signalChild(child, "SIGKILL", "our own child, by its handle");
  }
  if ((await ended) !== 0) throw failed("FILE_UNREADABLE", `${path} could not be packed`, said());
}

/**
 * Unpacks an archive that has one name at its top into a folder of this host. What a guest sends is hostile: it makes that
 * and nothing beside it, of whoever runs this.
 *
 * @throws BangerError `FILE_UNFIT` for an archive that cannot be unpacked there; what the source threw.
 */
export async function unpackLocal(
  agent: string,
  folder: string,
  name: string,
  source: AsyncIterable<Uint8Array>,
): Promise<Unpacked> {
  const args = ["unpack-files", folder, name];
  const child = spawnConfined({ program: agent, args, stdio: ["pipe", "pipe", "pipe"], session: "ours" });
  const ended = endOf(child);
  const said = wordsOf(child);
  let told = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (told += text));
  const { stdin } = child;
  stdin?.on("error", () => {}); // It may end before all is sent: its status tells why.
  try {
    for await (const bytes of source) {
      if (stdin === null || stdin.destroyed) break;
      if (!stdin.write(bytes)) await Promise.race([once(stdin, "drain"), once(stdin, "close"), ended]);
    }
  } catch (error) {
    // Cut off in the midst, it takes the file away that is not whole.
    stdin?.destroy();
    await ended;
    throw error;
  }
  stdin?.end();
  if ((await ended) !== 0) throw failed("FILE_UNFIT", `what came could not be unpacked into ${folder}`, said());
  return JSON.parse(told) as Unpacked;
}

/** Its exit status; a signal, or that it could not be started, counts as one. */
async function endOf(child: ChildProcess): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once("close", (status: number | null) => resolve(status ?? 1));
  child.once("error", () => resolve(1));
  return promise;
}

function wordsOf(child: ChildProcess): () => string {
  let said = "";
  child.once("error", (error) => (said += error.message));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-MAX_SAID)));
  return () => said.replace(/^banger-vsock-agent [\w-]+: /, "").trim();
}

function failed(code: "FILE_UNREADABLE" | "FILE_UNFIT", what: string, why: string): BangerError {
  return new BangerError(code, {
    what,
    ...(why !== "" && { why }),
    fix: "see what is there, and what this user may do with it; nothing half-written is left",
  });
}
