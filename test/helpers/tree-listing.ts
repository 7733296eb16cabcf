import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { run } from "../../src/lib/process.ts";
import type { DirectoryNode, TreeNode } from "./tree-nodes.ts";

const execFileAsync = promisify(execFile);
const PIECE = Buffer.alloc(1024 ** 2);

/** One name of a tree with all that can be seen of it, as comparable text. */
export interface ListedEntry {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  /** Of what is no directory. */
  readonly links: number;
  readonly device: string;
  readonly target: string;
  readonly xattrs: string;
  readonly sha256: string;
  /** First path of the same inode: which names are hard links of one another. */
  readonly sameAs: string;
}

/** By path in latin1, so that names stay exact; the root is the empty one. */
export type Listing = Map<string, ListedEntry>;

/** Lists a tree in memory. */
export function listTree(root: DirectoryNode, contentOf: (inode: TreeNode) => Buffer): Listing {
  const listing: Listing = new Map();
  const firstPath = new Map<TreeNode, string>();
  const open: [string, TreeNode][] = [["", root]];
  // The list grows while it is walked: by levels, so that both sides find the same name first.
  for (const [path, inode] of open) {
    if (!firstPath.has(inode)) firstPath.set(inode, path);
    listing.set(path, {
      type: inode.type,
      mode: inode.mode.toString(8),
      owner: `${inode.uid}:${inode.gid}`,
      mtime: `${BigInt(inode.mtimeSeconds) * 1_000_000_000n + BigInt(inode.mtimeNanoseconds)}`,
      links: inode.type === "directory" ? 0 : inode.links,
      device: inode.type === "char" || inode.type === "block" ? `${inode.major}:${inode.minor}` : "",
      target: inode.type === "symlink" ? inode.target : "",
      xattrs: formatXattrs(inode.xattrs ?? new Map<string, Buffer>()),
      sha256: inode.type === "file" ? createHash("sha256").update(contentOf(inode)).digest("hex") : "",
      sameAs: inode.type === "directory" ? path : (firstPath.get(inode) ?? ""),
    });
    if (inode.type !== "directory") continue;
    for (const name of [...inode.entries.keys()].sort()) {
      const child = inode.entries.get(name);
      if (child !== undefined) open.push([path === "" ? name : `${path}/${name}`, child]);
    }
  }
  return listing;
}

/** Lists a folder of this host, as root sees it. */
export async function listFolder(folder: string): Promise<Listing> {
  const xattrs = await readXattrs(folder);
  const listing: Listing = new Map();
  const firstPath = new Map<bigint, string>();
  const open = [""];
  for (const path of open) {
    const full = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, "latin1")]);
    const stat = lstatSync(full, { bigint: true });
    if (!firstPath.has(stat.ino)) firstPath.set(stat.ino, path);
    const type = typeOf(stat);
    const isDevice = type === "char" || type === "block";
    listing.set(path, {
      type,
      mode: (stat.mode & 0o7777n).toString(8),
      owner: `${stat.uid}:${stat.gid}`,
      mtime: `${stat.mtimeNs}`,
      links: type === "directory" ? 0 : Number(stat.nlink),
      device: isDevice ? `${major(stat.rdev)}:${minor(stat.rdev)}` : "",
      target: type === "symlink" ? readlinkSync(full, "latin1") : "",
      xattrs: formatXattrs(xattrs.get(path) ?? new Map<string, Buffer>()),
      sha256: type === "file" ? hashFile(full) : "",
      sameAs: type === "directory" ? path : (firstPath.get(stat.ino) ?? ""),
    });
    if (type !== "directory") continue;
    const names = readdirSync(full, { encoding: "buffer" })
      .map((name) => name.toString("latin1"))
      .sort();
    for (const name of names) open.push(path === "" ? name : `${path}/${name}`);
  }
  return listing;
}

/** What differs between two trees, one line each; nothing when they are equal. */
export function differences(ours: Listing, theirs: Listing): string[] {
  const found: string[] = [];
  for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
    const a = ours.get(path);
    const b = theirs.get(path);
    if (a === undefined || b === undefined) {
      found.push(`${JSON.stringify(path)}: only in ${a === undefined ? "theirs" : "ours"}`);
      continue;
    }
    for (const key of Object.keys(a) as (keyof ListedEntry)[]) {
      if (a[key] !== b[key]) found.push(`${JSON.stringify(path)}: ${key}: ours ${a[key]}, theirs ${b[key]}`);
    }
  }
  return found;
}

function formatXattrs(xattrs: ReadonlyMap<string, Buffer>): string {
  return [...xattrs]
    .map(([name, value]) => `${name}=${value.toString("hex")}`)
    .sort()
    .join(" ");
}

async function readXattrs(folder: string): Promise<Map<string, Map<string, Buffer>>> {
  // As latin1, one character a byte: neither paths nor names of attributes are UTF-8 always.
  const { stdout } = await execFileAsync(
    "getfattr",
    ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", folder],
    { encoding: "latin1", maxBuffer: 64 * 1024 ** 2 },
  );
  const found = new Map<string, Map<string, Buffer>>();
  let current = new Map<string, Buffer>();
  for (const line of stdout.split("\n")) {
    const file = /^# file: (.*)$/.exec(line);
    if (file !== null) {
      current = new Map();
      const path = unescapeOctal(file[1] ?? "");
      found.set(path.slice(Buffer.byteLength(folder) + 1), current);
      continue;
    }
    const value = /^([^=]+)(?:=0x([0-9a-f]*))?$/.exec(line);
    if (value !== null) current.set(unescapeOctal(value[1] ?? ""), Buffer.from(value[2] ?? "", "hex"));
  }
  return found;
}

/** getfattr writes unusual bytes of a path as backslash and three octal digits; others as they are. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function typeOf(stat: BigIntStats): string {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isCharacterDevice()) return "char";
  if (stat.isBlockDevice()) return "block";
  return stat.isFIFO() ? "fifo" : "socket";
}

/** glibc's gnu_dev_major and gnu_dev_minor (sys/sysmacros.h). */
function major(device: bigint): bigint {
  return ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
}

function minor(device: bigint): bigint {
  return (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
}

/** Synchronous, as all that is done once for each of 200,000 files: a turn of the event loop costs more than the file. */
function hashFile(path: Buffer): string {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    for (let bytes = readSync(file, PIECE); bytes > 0; bytes = readSync(file, PIECE))
      hash.update(PIECE.subarray(0, bytes));
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

/** Unpacks an image of a layout's folder with umoci, as root: the tree that banger's must equal. */
export async function unpackWithUmoci(layout: string, bundle: string): Promise<string> {
  await run("umoci", ["unpack", "--image", layout, bundle], { timeoutMs: 600_000 });
  return join(bundle, "rootfs");
}
