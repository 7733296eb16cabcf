import { mkdtemp, open, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { removeTree } from "../../lib/destroy.ts";
import type { ByteString } from "../../model/byte-string.ts";
import { archiveInvalid, readFileFrom, unreadable, type FileSet } from "./file-set.ts";
import { unpack } from "../../formats/tar/unpack-archive.ts";
import { FormatError, formatInvalid, formatLimit } from "../../formats/format-error.ts";
import type { TarEntry } from "../../formats/tar/tar-entry.ts";
import type { TarHandler } from "../../formats/tar/tar-handler.ts";
import { TarReader } from "../../formats/tar/tar-reader.ts";

/** Bounds on an archive of an image: a member a blob, and some manifests. */
const MAX_MEMBERS = 100_000;
const MAX_UNPACKED_BYTES = 256 * 1024 ** 3;
const MAX_LINKS = 8;

type Member =
  | { readonly kind: "file"; readonly offset: number; readonly size: number }
  | { readonly kind: "link"; readonly to: string };

/**
 * The files of a tar archive, in whatever order, found by one pass over it. An archive that is compressed is unpacked
 * to a temporary file, which goes when the set is disposed of.
 *
 * @throws BangerError `ARCHIVE_INVALID`, `FILE_UNREADABLE`.
 */
export async function openTarFiles(path: string, signal: AbortSignal): Promise<FileSet> {
  await using cleanup = new AsyncDisposableStack();
  let plain = await findArchive(path);
  try {
    if (await isCompressed(plain, signal)) {
      const folder = await mkdtemp(join(tmpdir(), "banger-archive-"));
      cleanup.defer(() =>
        removeTree(dirname(resolve(folder)), basename(folder), "made by this call, with a random name"),
      );
      plain = await unpackTo(join(folder, "archive.tar"), plain, signal);
    }
    const members = await indexMembers(plain, signal);
    return new TarFiles(path, plain, members, cleanup.move());
  } catch (error) {
    if (error instanceof FormatError) throw archiveInvalid(path, error.message, error);
    throw error;
  }
}

class TarFiles implements FileSet {
  readonly name: string;
  readonly #path: string;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #cleanup: AsyncDisposableStack;

  constructor(name: string, path: string, members: ReadonlyMap<string, Member>, cleanup: AsyncDisposableStack) {
    this.name = name;
    this.#path = path;
    this.#members = members;
    this.#cleanup = cleanup;
  }

  async size(path: string): Promise<number | undefined> {
    return this.#find(path)?.size;
  }

  async *stream(path: string, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const member = this.#find(path);
    if (member === undefined) throw archiveInvalid(this.name, `it has no ${path}`);
    yield* readFileFrom(this.#path, member.offset + offset, member.offset + member.size, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }

  #find(path: string): Extract<Member, { kind: "file" }> | undefined {
    let member = this.#members.get(cleanPath(path));
    for (let links = 0; member?.kind === "link"; links++) {
      if (links === MAX_LINKS) throw archiveInvalid(this.name, `${path} is a link without an end`);
      member = this.#members.get(member.to);
    }
    return member;
  }
}

/** Notes where members lie, without reading what they hold. */
class MemberIndex implements TarHandler {
  readonly members = new Map<string, Member>();
  /** The reader's, set once it is made: it knows where the current member's body begins. */
  bodyOffset: () => number = () => 0;

  entry(entry: TarEntry): void {
    if (this.members.size >= MAX_MEMBERS) throw formatLimit(`more than ${MAX_MEMBERS} members`);
    const path = cleanPath(entry.path);
    if (entry.type === "file") {
      this.members.set(path, { kind: "file", offset: this.bodyOffset(), size: entry.size });
    } else if (entry.type === "symlink" || entry.type === "hardlink") {
      // docker save links layers that are alike; such a link stays inside the archive, as a name.
      const from = entry.type === "symlink" ? path.slice(0, path.lastIndexOf("/") + 1) : "";
      this.members.set(path, { kind: "link", to: cleanPath(from + entry.linkTarget) });
    }
  }

  data(): undefined {}
  hole(): undefined {
    throw formatInvalid("a sparse member");
  }
  endEntry(): void {}
}

async function findArchive(path: string): Promise<string> {
  let found: string;
  try {
    found = await realpath(path);
    if ((await stat(found)).isFile()) return found;
  } catch (error) {
    throw unreadable(error, path);
  }
  throw archiveInvalid(path, "it is not a file");
}

async function indexMembers(path: string, signal: AbortSignal): Promise<ReadonlyMap<string, Member>> {
  const index = new MemberIndex();
  const reader = new TarReader(index);
  index.bodyOffset = () => reader.offset;
  for await (const chunk of readFileFrom(path, 0, Number.POSITIVE_INFINITY, signal)) {
    const wait = reader.push(chunk);
    if (wait !== undefined) await wait;
  }
  reader.end();
  return index.members;
}

async function isCompressed(path: string, signal: AbortSignal): Promise<boolean> {
  for await (const chunk of readFileFrom(path, 0, 4, signal)) {
    // Shorter than any archive: whoever reads it as one says what is wrong.
    if (chunk.length < 4) return false;
    return chunk.readUInt16LE(0) === 0x8b1f || chunk.readUInt32LE(0) === 0xfd2fb528;
  }
  return false;
}

async function unpackTo(target: string, path: string, signal: AbortSignal): Promise<string> {
  const file = await open(target, "wx", 0o600);
  try {
    let written = 0;
    for await (const chunk of unpack(readFileFrom(path, 0, Number.POSITIVE_INFINITY, signal))) {
      written += chunk.length;
      if (written > MAX_UNPACKED_BYTES) throw formatLimit(`it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return target;
}

/** `./a//b/../c` as `a/c`; what leads out of the archive ends at its root, where it finds nothing. */
function cleanPath(path: ByteString): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names.join("/");
}
