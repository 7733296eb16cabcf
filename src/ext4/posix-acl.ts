import { BangerError } from "../lib/errors.ts";

/**
 * POSIX ACLs in their two forms: as system calls and archives carry them (version 2, linux/posix_acl_xattr.h: every
 * entry has an id), and as ext4 stores them (version 1, fs/ext4/acl.h: only named users and groups have one).
 */
const POSIX_ACL_XATTR_VERSION = 2;
const EXT4_ACL_VERSION = 1;
const HEADER_BYTES = 4;
const LONG_ENTRY_BYTES = 8;
const SHORT_ENTRY_BYTES = 4;
/** ACL_USER and ACL_GROUP: tags of entries that name somebody. */
const NAMED_TAGS: ReadonlySet<number> = new Set([0x02, 0x08]);
/** ACL_USER_OBJ, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER. */
const PLAIN_TAGS: ReadonlySet<number> = new Set([0x01, 0x04, 0x10, 0x20]);
/** ACL_UNDEFINED_ID: the id of an entry that names nobody. */
const NO_ID = 0xffffffff;

/**
 * From the system calls' form to that on disk.
 *
 * @throws BangerError `EXT4_LIMIT` if it is no ACL.
 */
export function aclToDisk(acl: Buffer): Buffer {
  if (acl.length < HEADER_BYTES || (acl.length - HEADER_BYTES) % LONG_ENTRY_BYTES !== 0) throw malformed("its length");
  if (acl.readUInt32LE(0) !== POSIX_ACL_XATTR_VERSION) throw malformed("its version");
  const out = Buffer.alloc(acl.length);
  out.writeUInt32LE(EXT4_ACL_VERSION, 0);
  let end = HEADER_BYTES;
  for (let at = HEADER_BYTES; at < acl.length; at += LONG_ENTRY_BYTES) {
    const tag = acl.readUInt16LE(at);
    const named = NAMED_TAGS.has(tag);
    if (!named && !PLAIN_TAGS.has(tag)) throw malformed(`tag ${tag}`);
    acl.copy(out, end, at, at + (named ? LONG_ENTRY_BYTES : SHORT_ENTRY_BYTES));
    end += named ? LONG_ENTRY_BYTES : SHORT_ENTRY_BYTES;
  }
  return out.subarray(0, end);
}

/** From the form on disk to that of the system calls; undefined if it is no ACL. */
export function aclFromDisk(disk: Buffer): Buffer | undefined {
  if (disk.length < HEADER_BYTES || disk.readUInt32LE(0) !== EXT4_ACL_VERSION) return undefined;
  const out = Buffer.alloc(HEADER_BYTES + (disk.length / SHORT_ENTRY_BYTES) * LONG_ENTRY_BYTES);
  out.writeUInt32LE(POSIX_ACL_XATTR_VERSION, 0);
  let end = HEADER_BYTES;
  for (let at = HEADER_BYTES; at < disk.length; end += LONG_ENTRY_BYTES) {
    if (at + SHORT_ENTRY_BYTES > disk.length) return undefined;
    const named = NAMED_TAGS.has(disk.readUInt16LE(at));
    const bytes = named ? LONG_ENTRY_BYTES : SHORT_ENTRY_BYTES;
    if (at + bytes > disk.length) return undefined;
    out.writeUInt32LE(NO_ID, end + SHORT_ENTRY_BYTES);
    disk.copy(out, end, at, at + bytes);
    at += bytes;
  }
  return out.subarray(0, end);
}

function malformed(what: string): BangerError {
  return new BangerError("EXT4_LIMIT", {
    what: "an access control list cannot be stored",
    why: `${what} is wrong`,
    fix: "have the image's maker repair its system.posix_acl attribute",
  });
}
