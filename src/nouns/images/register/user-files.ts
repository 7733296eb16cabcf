import { open, stat } from "node:fs/promises";
import { BangerError, asBangerError, hasErrno } from "../../../lib/errors.ts";
import type { Image } from "../../../model/image.ts";
import type { FileStamp } from "../../../model/image-parts.ts";

/**
 * How a file of the user's looks now.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return { path, sizeBytes: size, mtimeMs, inode: ino };
  } catch (cause) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `cannot read ${path}`,
      ...(cause instanceof Error && { why: cause.message }),
      fix: "give a file that the daemon's user may read",
      cause,
    });
  }
}

/**
 * What became of the files that an unmanaged image still reads, in words: empty where all is as it was. Those of its
 * kernel are not among them: banger has copies of these.
 */
export async function troubleWithFiles(image: Image): Promise<readonly string[]> {
  if (image.managed) return [];
  const needed = new Set([image.rootfs.path, image.workSeed?.path]);
  const told: string[] = [];
  for (const stamp of image.files) {
    const trouble = await changeOf(stamp);
    if (trouble !== undefined && needed.has(stamp.path)) told.push(`${stamp.path} ${trouble}`);
  }
  return told;
}

async function changeOf({ path, sizeBytes, mtimeMs, inode }: FileStamp): Promise<string | undefined> {
  try {
    const now = await stat(path);
    if (now.size !== sizeBytes) return `had ${sizeBytes} bytes and has ${now.size}`;
    if (now.ino !== inode) return "is another file";
    if (now.mtimeMs !== mtimeMs) return `was written to on ${now.mtime.toISOString()}`;
    return undefined;
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return "is gone";
    return `cannot be read: ${asBangerError(error).message}`;
  }
}

/**
 * Refuses an image whose files are not what they were when it was registered.
 *
 * @throws BangerError `IMAGE_FILES_CHANGED`.
 */
export async function checkUserFiles(image: Image): Promise<void> {
  const trouble = await troubleWithFiles(image);
  if (trouble.length === 0) return;
  throw new BangerError("IMAGE_FILES_CHANGED", {
    what: `the files of image ${image.name} are not what they were when it was registered`,
    why: trouble.join("; "),
    fix: "put them back; or run the same `banger image register` again, to take them as they are now",
    data: { files: trouble },
  });
}

/** What people give in place of an ext4 file, by what stands in it (file(1)'s magic). */
const OTHER_FORMATS: readonly {
  readonly at: number;
  readonly magic: string;
  readonly name: string;
  readonly fix: string;
}[] = [
  { at: 0, magic: "QFI\xfb", name: "a qcow2 disk", fix: "make it raw with `qemu-img convert -O raw`" },
  { at: 0, magic: "KDMV", name: "a VMDK disk", fix: "make it raw with `qemu-img convert -O raw`" },
  {
    at: 0,
    magic: "XFSB",
    name: "an XFS file system",
    fix: "copy its files into an ext4 one: `mke2fs -t ext4 -d DIR FILE SIZE`",
  },
  {
    at: 65_600,
    magic: "_BHRfS_M",
    name: "a btrfs file system",
    fix: "copy its files into an ext4 one: `mke2fs -t ext4 -d DIR FILE SIZE`",
  },
  {
    at: 0,
    magic: "hsqs",
    name: "a squashfs file system",
    fix: "copy its files into an ext4 one: `mke2fs -t ext4 -d DIR FILE SIZE`",
  },
  {
    at: 512,
    magic: "EFI PART",
    name: "a disk with partitions",
    fix: "copy the root partition out of it, and register that",
  },
  {
    at: 510,
    magic: "\x55\xaa",
    name: "a disk with partitions",
    fix: "copy the root partition out of it, and register that",
  },
];

/** Says what a file is that is no ext4, where that is known; else passes the error on. */
export async function explainNoExt4(path: string, what: string, error: unknown): Promise<unknown> {
  if (!(error instanceof BangerError) || error.code !== "EXT4_INVALID") return error;
  const file = await open(path, "r");
  try {
    for (const { at, magic, name, fix } of OTHER_FORMATS) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, at);
      if (bytesRead !== magic.length || buffer.toString("latin1") !== magic) continue;
      return new BangerError("EXT4_INVALID", {
        what: `${path} cannot be ${what}`,
        why: `it is ${name}; banger boots from ext4`,
        fix,
        cause: error,
      });
    }
  } finally {
    await file.close();
  }
  return new BangerError("EXT4_INVALID", {
    what: `${path} cannot be ${what}`,
    why: error.message,
    fix: error.fix,
    cause: error,
  });
}
