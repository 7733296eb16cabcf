import { openExt4, type Ext4Image } from "../../../ext4/reader/ext4-image.ts";
import type { Ext4Stat } from "../../../ext4/reader/inode-fields.ts";
import { BangerError, hasErrno } from "../../../lib/errors.ts";
import { displayName, parseDisplayName, type ByteString } from "../../../model/byte-string.ts";
import type { Image } from "../../../model/image.ts";
import type { ImageFile } from "../../../model/image-file.ts";

export interface ListFiles {
  /** From the image's root, with odd bytes as they are listed. */
  readonly path: string;
  readonly recursive: boolean;
}

/**
 * What stands in a directory of an image, by name, or the file that the path names. Links on the way are followed as the
 * guest would, never out of the image.
 *
 * @throws BangerError `PATH_NOT_FOUND`; `EXT4_INVALID` if the file system is damaged, or is no ext4; `FILE_UNREADABLE`.
 */
export async function* listFiles(
  image: Image,
  { path, recursive }: ListFiles,
  signal: AbortSignal,
): AsyncGenerator<ImageFile> {
  await using disk = await openRoot(image);
  const wanted = cleanPath(parseDisplayName(path));
  const found = await disk.find(wanted);
  if (found.type !== "directory") return yield describe(disk, wanted, await disk.find(wanted, { followLast: false }));
  const prefix = wanted === "/" ? "" : wanted;
  if (recursive) {
    for await (const below of disk.walk(signal, found)) yield describe(disk, `${prefix}${below.path}`, below.stat);
    return;
  }
  for await (const { name, stat } of disk.entries(found)) {
    signal.throwIfAborted();
    yield describe(disk, `${prefix}/${name}`, stat);
  }
}

/**
 * The content of a file in an image, links followed. Holes come as zeros.
 *
 * @throws BangerError as {@link listFiles}; `PATH_NOT_FOUND` too for what is no file.
 */
export async function* readFileIn(image: Image, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await using disk = await openRoot(image);
  const wanted = cleanPath(parseDisplayName(path));
  const found = await disk.find(wanted);
  if (found.type !== "file") {
    throw new BangerError("PATH_NOT_FOUND", {
      what: `${displayName(wanted)} in image ${image.name} has no content`,
      why: `it is a ${found.type}`,
      fix: `list it with \`banger image ls-files ${image.name} PATH\``,
    });
  }
  for await (const chunk of disk.read(found)) {
    signal.throwIfAborted();
    yield chunk;
  }
}

async function openRoot(image: Image): Promise<Ext4Image> {
  try {
    return await openExt4(image.rootfs.path);
  } catch (error) {
    if (!hasErrno(error, "ENOENT") && !hasErrno(error, "EACCES")) throw error;
    throw new BangerError("FILE_UNREADABLE", {
      what: `the root file system of image ${image.name} cannot be read`,
      why: error.message,
      fix: image.managed ? "pull or build the image again" : "put the file back, or register the image anew",
      cause: error,
    });
  }
}

/** As it is shown: from the root, with nothing in it that means nothing. `..` stays, for it may follow a link. */
function cleanPath(path: ByteString): ByteString {
  return `/${path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/")}`;
}

async function describe(disk: Ext4Image, path: ByteString, stat: Ext4Stat): Promise<ImageFile> {
  const { type, mode, uid, gid, sizeBytes, links, mtimeSeconds, mtimeNanoseconds, major, minor } = stat;
  return {
    path: displayName(path),
    type,
    mode,
    uid,
    gid,
    sizeBytes,
    links,
    mtime: mtimeSeconds + mtimeNanoseconds / 1e9,
    ...(type === "symlink" && { target: displayName(await disk.readLink(stat)) }),
    ...((type === "char" || type === "block") && { device: [major, minor] as [number, number] }),
  };
}
