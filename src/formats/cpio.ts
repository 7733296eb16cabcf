// The "new ascii" cpio format (Documentation/driver-api/early-userspace/buffer-format.rst), as an initramfs has it.
const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
/** S_IFCHR, S_IFDIR and S_IFREG of inode(7). */
const TYPE_BITS = { char: 0o020000, directory: 0o040000, file: 0o100000 } as const;
/** Fields of a header after the magic, each 8 hex digits; named for what c_… calls them. */
const HEADER_BYTES = 110;

export type CpioEntry =
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | {
      readonly type: "char";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/**
 * An archive of these entries, in their order. Owner is root, times are 0: same entries, same bytes.
 *
 * The kernel makes no parent folders: list them before what lies in them. Paths have no leading slash.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  // Inode numbers only have to differ: equal ones would be hard links.
  for (const [index, entry] of entries.entries()) {
    parts.push(...member(entry.path, index + 1, entry));
  }
  parts.push(...member(TRAILER, 0, undefined));
  return parts;
}

function member(path: string, ino: number, entry: CpioEntry | undefined): Uint8Array[] {
  const content = entry?.type === "file" ? entry.content : new Uint8Array(0);
  const device = entry?.type === "char" ? entry : { major: 0, minor: 0 };
  const name = Buffer.from(`${path}\0`);
  const fields = {
    ino,
    mode: entry === undefined ? 0 : TYPE_BITS[entry.type] | entry.mode,
    uid: 0,
    gid: 0,
    nlink: entry?.type === "directory" ? 2 : 1,
    mtime: 0,
    filesize: content.length,
    devmajor: 0,
    devminor: 0,
    rdevmajor: device.major,
    rdevminor: device.minor,
    namesize: name.length,
    check: 0,
  };
  const header =
    MAGIC +
    Object.values(fields)
      .map((value) => value.toString(16).padStart(8, "0"))
      .join("");
  return [Buffer.from(header, "latin1"), name, padding(HEADER_BYTES + name.length), content, padding(content.length)];
}

/** Header with name, and content, each end on a multiple of 4. */
function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
