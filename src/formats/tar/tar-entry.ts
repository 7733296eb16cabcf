import type { ByteString } from "../../model/byte-string.ts";
import { formatInvalid } from "../format-error.ts";
import type { TarHeader } from "./tar-header.ts";
import { paxInteger, paxName, paxTime, type PaxRecords } from "./tar-pax.ts";

export type TarEntryType = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo";

/** A member of an archive, with all that extended headers say of it. */
export interface TarEntry {
  /** As it stands in the archive: not yet cleaned, perhaps hostile. */
  readonly path: ByteString;
  readonly type: TarEntryType;
  readonly linkTarget: ByteString;
  /** Of a file's content with its holes, in bytes; 0 for other types. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly xattrs: Map<ByteString, Buffer> | undefined;
}

/** Typeflags of <tar.h>; S is GNU's sparse file. */
const TYPES: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  S: "file",
};

/** The one above means "leave the owner as it is" (chown(2)): no file has it, and not even root can change one that does. */
const MAX_ID = 2 ** 32 - 2;

export interface LongNames {
  readonly path: ByteString | undefined;
  readonly linkTarget: ByteString | undefined;
}

/** Puts an entry together, in the order of Go's archive/tar: GNU long names beat PAX records, these the header's fields. */
export function composeEntry(header: TarHeader, pax: PaxRecords | undefined, long: LongNames, size: number): TarEntry {
  const path = paxText(pax, "GNU.sparse.name") ?? long.path ?? paxText(pax, "path") ?? header.name;
  const type = TYPES[header.typeflag];
  if (type === undefined) throw formatInvalid(`type ${JSON.stringify(header.typeflag)} is not known`, path);
  const mtime = time(pax, header);
  return {
    path,
    // V7 has no type for directories. Under any other type the slash says nothing, as in Go's archive/tar.
    type: header.typeflag === "\0" && path.endsWith("/") ? "directory" : type,
    linkTarget: long.linkTarget ?? paxText(pax, "linkpath") ?? header.linkname,
    size: type === "file" ? size : 0,
    mode: header.mode & 0o7777,
    uid: id(pax, "uid", header.uid, path),
    gid: id(pax, "gid", header.gid, path),
    mtimeSeconds: mtime.seconds,
    mtimeNanoseconds: mtime.nanoseconds,
    devMajor: header.devmajor,
    devMinor: header.devminor,
    xattrs: pax === undefined ? undefined : xattrs(pax, path),
  };
}

/** A record that is there and not empty: an empty value takes the record away (POSIX.1-2017, pax). */
export function paxValue(pax: PaxRecords | undefined, keyword: string): Buffer | undefined {
  const value = pax?.values.get(keyword);
  return value === undefined || value.length === 0 ? undefined : value;
}

function paxText(pax: PaxRecords | undefined, keyword: string): ByteString | undefined {
  const value = paxValue(pax, keyword);
  return value === undefined ? undefined : paxName(value, keyword);
}

function time(pax: PaxRecords | undefined, header: TarHeader): { seconds: number; nanoseconds: number } {
  const value = paxValue(pax, "mtime");
  return value === undefined ? { seconds: header.mtime, nanoseconds: 0 } : paxTime(value, "mtime");
}

function id(pax: PaxRecords | undefined, keyword: "uid" | "gid", fromHeader: number, path: ByteString): number {
  const value = paxValue(pax, keyword);
  const number = value === undefined ? fromHeader : paxInteger(value, keyword);
  if (number > MAX_ID) throw formatInvalid(`${keyword} ${number} is larger than ${MAX_ID}`, path);
  return number;
}

const SCHILY = "SCHILY.xattr.";
const LIBARCHIVE = "LIBARCHIVE.xattr.";

function xattrs(pax: PaxRecords, path: ByteString): Map<ByteString, Buffer> | undefined {
  let found: Map<ByteString, Buffer> | undefined;
  for (const [keyword, value] of pax.values) {
    const schily = keyword.startsWith(SCHILY);
    if (!schily && !keyword.startsWith(LIBARCHIVE)) continue;
    const name = schily ? keyword.slice(SCHILY.length) : percentDecoded(keyword.slice(LIBARCHIVE.length));
    found ??= new Map();
    // libarchive writes both; SCHILY's is the raw value and wins.
    if (schily) found.set(name, value);
    else if (!pax.values.has(SCHILY + name)) found.set(name, base64(value, name, path));
  }
  return found;
}

function percentDecoded(name: ByteString): ByteString {
  return name.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function base64(value: Buffer, name: ByteString, path: ByteString): Buffer {
  const text = value.toString("latin1");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw formatInvalid(`xattr ${name} is not base64`, path);
  return Buffer.from(text, "base64");
}
