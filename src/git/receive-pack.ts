import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../lib/bytes.ts";
import { replaceFile } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import type { ByteString } from "../model/byte-string.ts";
import { checkTrees, treeEntries, type Extent, type TreeEntry } from "./check-trees.ts";
import type { HostGit } from "./host-git.ts";
import { refused, tooLarge } from "./refusals.ts";

/** What may come of a guest at once. */
export interface ReceiveLimits {
  /** Of the pack, as it travels. */
  readonly packBytes: number;
  readonly objects: number;
  /** Of each file. */
  readonly fileBytes: number;
  /** Of all objects, unpacked. */
  readonly totalBytes: number;
}

export const RECEIVE_LIMITS: ReceiveLimits = {
  packBytes: 2 * 1024 ** 3,
  objects: 1_000_000,
  fileBytes: 100 * 1024 ** 2,
  totalBytes: 8 * 1024 ** 3,
};

/** Of a tree or a commit: no work tree's folder has so many names. */
const MAX_RECORD_BYTES = 16 * 1024 ** 2;
/** Of all trees together, which are read. */
const MAX_TREES_BYTES = 64 * 1024 ** 2;
/** A pack begins with its name, version and number of objects (gitformat-pack(5)). */
const PACK_HEADER = 12;

export interface ReceiveRequest {
  readonly pack: AsyncIterable<Uint8Array>;
  /** The commit, if any, and the tree that are to be whole afterwards. */
  readonly head: string | undefined;
  readonly tree: string;
  /** Where objects come first: a folder of ours that goes when they are refused. */
  readonly incoming: string;
  readonly limits: ReceiveLimits;
  /** What any tree unfolds to, at most, that was here before. */
  readonly before: Extent;
  readonly signal: AbortSignal;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Takes a guest's objects in: into a folder apart, where git itself checks each of them and all that they name; then they are
 * counted and measured, and the trees' names looked at. Only then do they join the others. What is refused is never there.
 *
 * @param home banger's own bare repository; its place says where the objects are that were here before.
 * @throws BangerError `WORKSPACE_REFUSED`.
 */
export async function receivePack(home: HostGit, request: ReceiveRequest): Promise<void> {
  const { head, tree, incoming, signal } = request;
  await mkdir(join(incoming, "pack"), { recursive: true, mode: 0o700 });
  const own = join(home.place.cwd, "objects");
  const known = [own, ...(home.place.alternates ?? [])];
  const quarantine = home.at({ objects: incoming, alternates: known });
  await indexPack(quarantine, request);
  const alone = home.at({ objects: incoming, alternates: [] });
  const treesHere = await treesIn(home.at({ objects: own, alternates: [] }), signal);
  await checkObjects({ alone, quarantine, treesHere }, request);
  await expectType(quarantine, tree, "tree", signal);
  if (head !== undefined) await expectType(quarantine, head, "commit", signal);
  const packs = (await readdir(join(incoming, "pack"))).filter((name) =>
    /^pack-[0-9a-f]+\.(?:pack|idx|rev)$/.test(name),
  );
  // git sees a pack by its index, which comes last.
  for (const name of packs.toSorted((a, b) => Number(a.endsWith(".idx")) - Number(b.endsWith(".idx")))) {
    await replaceFile(
      join(incoming, "pack", name),
      join(own, "pack", name),
      "a pack of ours under the name of its content: what has it already holds the same",
    );
  }
}

async function indexPack(quarantine: HostGit, { pack, limits, signal, onBytes }: ReceiveRequest): Promise<void> {
  const args = ["index-pack", "--stdin", "--strict", "--threads=1", `--max-input-size=${limits.packBytes}`];
  try {
    await quarantine.run(args, { signal, input: bounded(pack, limits, onBytes) });
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "GIT_FAILED") throw error;
    throw new BangerError("WORKSPACE_REFUSED", {
      what: "git does not take what the guest sent",
      ...(error.why !== undefined && { why: error.why.slice(0, 2000) }),
      fix: "see what is wrong with it by `git fsck --strict` in the guest; nothing was taken",
      cause: error,
    });
  }
}

/** A guest's pack, for as long as it keeps to the limits. */
async function* bounded(
  pack: AsyncIterable<Uint8Array>,
  limits: ReceiveLimits,
  onBytes: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let begin = Buffer.alloc(0);
  let size = 0;
  for await (const chunk of pack) {
    size += chunk.length;
    if (size > limits.packBytes)
      throw refused("the guest sends too much", `a pack may have ${formatBytes(limits.packBytes)}`);
    if (begin.length < PACK_HEADER) {
      begin = Buffer.concat([begin, chunk]).subarray(0, PACK_HEADER);
      if (begin.length === PACK_HEADER) checkHeader(begin, limits);
    }
    onBytes?.(chunk.length);
    yield chunk;
  }
}

function checkHeader(header: Buffer, { objects }: ReceiveLimits): void {
  if (header.toString("latin1", 0, 4) !== "PACK") throw refused("the guest sends no pack", "it does not begin as one");
  const count = header.readUInt32BE(8);
  if (count > objects)
    throw refused("the guest sends too much", `a pack may have ${objects} objects, and it has ${count}`);
}

interface Arrived {
  /** Sees only what has come. */
  readonly alone: HostGit;
  /** Sees what was here, too. */
  readonly quarantine: HostGit;
  /** Trees that came earlier: new ones may name them. */
  readonly treesHere: ReadonlyMap<string, readonly TreeEntry[]>;
}

async function checkObjects({ alone, quarantine, treesHere }: Arrived, request: ReceiveRequest): Promise<void> {
  const { limits, signal, before } = request;
  const large = new Set<string>();
  let total = 0;
  for await (const { id, type, size } of objectsIn(alone, signal)) {
    total += size;
    if (type === "blob" && size > limits.fileBytes) large.add(id);
    if (type !== "blob" && size > MAX_RECORD_BYTES)
      throw refused(`a ${type} of the guest's is too large`, `it has ${formatBytes(size)}`);
  }
  const trees = await treesIn(alone, signal);
  checkTrees(new Map([...treesHere, ...trees]), before);
  if (large.size > 0) throw tooLarge(await namesOf(quarantine, large, request), limits.fileBytes);
  if (total > limits.totalBytes)
    throw refused("what the guest sends is too large", `all of it may have ${formatBytes(limits.totalBytes)} unpacked`);
}

interface ObjectSeen {
  readonly id: string;
  readonly type: string;
  readonly size: number;
}

/** All objects in the one place that a git sees. */
async function* objectsIn(git: HostGit, signal: AbortSignal): AsyncGenerator<ObjectSeen> {
  const what = "--batch-check=%(objectname) %(objecttype) %(objectsize)";
  for await (const line of lines(git.stream(["cat-file", "--batch-all-objects", "--unordered", what], { signal }))) {
    const [id = "", type = "", size = ""] = line.split(" ");
    yield { id, type, size: Number(size) };
  }
}

async function treesIn(git: HostGit, signal: AbortSignal): Promise<ReadonlyMap<string, readonly TreeEntry[]>> {
  const ids: string[] = [];
  let total = 0;
  for await (const { id, type, size } of objectsIn(git, signal)) {
    if (type !== "tree") continue;
    ids.push(id);
    total += size;
    if (total > MAX_TREES_BYTES) throw refused("the guest's trees are too large", `more than ${formatBytes(total)}`);
  }
  return readTrees(git, ids, signal);
}

async function readTrees(
  git: HostGit,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly TreeEntry[]>> {
  const trees = new Map<string, readonly TreeEntry[]>();
  if (ids.length === 0) return trees;
  const input = Buffer.from(`${ids.join("\n")}\n`);
  const idBytes = (ids[0]?.length ?? 0) / 2;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of git.stream(["cat-file", "--batch", "--buffer"], { signal, input })) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
      const [id = "", , sizeText = ""] = rest.toString("latin1", 0, end).split(" ");
      const size = Number(sizeText);
      if (rest.length < end + 1 + size + 1) break;
      trees.set(id, [...treeEntries(rest.subarray(end + 1, end + 1 + size), idBytes)]);
      rest = rest.subarray(end + 1 + size + 1);
    }
  }
  return trees;
}

/** Paths of these objects, of what is checked out and of the history; ids where nothing names them. */
async function namesOf(
  git: HostGit,
  ids: ReadonlySet<string>,
  { head, tree, signal }: ReceiveRequest,
): Promise<readonly ByteString[]> {
  const found = new Map<string, ByteString>();
  const args = [
    "rev-list",
    "--objects",
    "--max-count=100000",
    "--in-commit-order",
    ...(head === undefined ? [] : [head]),
    tree,
  ];
  for await (const line of lines(git.stream(args, { signal }))) {
    const [id = ""] = line.split(" ", 1);
    if (ids.has(id) && !found.has(id)) found.set(id, line.slice(id.length + 1));
    if (found.size === ids.size) break;
  }
  return [...ids].map((id) => found.get(id) ?? id);
}

async function expectType(git: HostGit, id: string, type: string, signal: AbortSignal): Promise<void> {
  const { status, stdout } = await git.answer(["cat-file", "-t", id], { signal, statuses: [1, 128] });
  const found = stdout.toString("latin1").trim();
  if (status !== 0 || found !== type)
    throw refused(`the guest did not send its ${type}`, `${id} is ${found || "not there"}`);
}

/** Lines of an output, without their ends, as exact bytes. */
export async function* lines(output: AsyncIterable<Buffer>): AsyncGenerator<ByteString> {
  let rest = "";
  for await (const chunk of output) {
    const parts = (rest + chunk.toString("latin1")).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}
