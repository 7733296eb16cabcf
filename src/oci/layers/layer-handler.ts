import type { ByteString } from "../../model/byte-string.ts";
import type { ContentSink } from "../../model/content-sink.ts";
import type { Attributes } from "../../model/inode.ts";
import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "../../formats/tar/entry-names.ts";
import { entryMeaning, EntryPathReader, type EntryPath } from "./entry-path.ts";
import type { ImportBudget } from "./import-budget.ts";
import type { LayerTree } from "./layer-tree.ts";
import type { TarEntry } from "../../formats/tar/tar-entry.ts";
import { formatInvalid, formatLimit } from "../../formats/format-error.ts";
import type { TarHandler } from "../../formats/tar/tar-handler.ts";

/** Applies a layer's entries to the tree as they come, and hands files' contents on. */
export class LayerHandler implements TarHandler {
  readonly #tree: LayerTree;
  readonly #sink: ContentSink;
  readonly #budget: ImportBudget;
  readonly #paths = new EntryPathReader();
  /** The file whose content is coming; undefined while a body is passed over. */
  #file: { readonly at: EntryPath; readonly attributes: Attributes } | undefined;

  constructor(tree: LayerTree, sink: ContentSink, budget: ImportBudget) {
    this.#tree = tree;
    this.#sink = sink;
    this.#budget = budget;
  }

  entry(entry: TarEntry): void {
    this.#budget.countEntry(entry);
    const at = this.#paths.read(entry.path);
    const meaning = entryMeaning(at);
    if (meaning.kind === "ignored") return;
    if (meaning.kind === "whiteout") return this.#tree.whiteout({ ...at, name: meaning.name });
    if (meaning.kind === "opaque") return this.#tree.opaque(at.parents, at.text);
    if (at.name === "") {
      if (entry.type !== "directory") throw formatInvalid(`the root cannot be a ${entry.type}`, entry.path);
      return this.#tree.describeRoot(attributesOf(entry, this.#sink));
    }
    this.#apply(at, entry);
  }

  data(chunk: Uint8Array): Promise<void> | undefined {
    return this.#file === undefined ? undefined : this.#sink.write(chunk);
  }

  hole(bytes: number): Promise<void> | undefined {
    return this.#file === undefined ? undefined : this.#sink.hole(bytes);
  }

  endEntry(): void {
    if (this.#file === undefined) return;
    const { at, attributes } = this.#file;
    this.#file = undefined;
    const { size, extents } = this.#sink.endFile();
    this.#tree.put(at, { ...attributes, type: "file", size, extents });
  }

  #apply(at: EntryPath, entry: TarEntry): void {
    const { devMajor, devMinor } = entry;
    if (entry.type === "char" || entry.type === "block") checkDevice(entry);
    const attributes = attributesOf(entry, this.#sink);
    switch (entry.type) {
      case "file":
        this.#file = { at, attributes };
        return this.#sink.beginFile();
      case "directory":
        return this.#tree.putDirectory(at, attributes);
      case "hardlink":
        // Its own attributes mean nothing: it is another name of an inode that has some.
        return this.#tree.putHardLink(at, entry.linkTarget);
      case "symlink":
        // On Linux it has no permissions of its own (symlink(7)).
        return this.#tree.put(at, { ...attributes, mode: 0o777, type: "symlink", target: checkTarget(entry) });
      case "fifo":
        return this.#tree.put(at, { ...attributes, type: "fifo" });
      case "char":
        // 0:0 is overlayfs' whiteout: an overlay in the guest would act on it.
        if (devMajor === 0 && devMinor === 0) return this.#tree.remove(at);
        return this.#tree.put(at, { ...attributes, type: "char", major: devMajor, minor: devMinor });
      case "block":
        return this.#tree.put(at, { ...attributes, type: "block", major: devMajor, minor: devMinor });
    }
  }
}

/** Attributes that hold for the machine where the layer was made, not for the image (umoci and others drop them too). */
const DROPPED_XATTRS: readonly string[] = ["security.selinux", "system.nfs4_acl"];
/** XATTR_SIZE_MAX of Linux, for all of a file's attributes together. */
const MAX_XATTR_BYTES = 65_536;
/** overlayfs would act on these in a guest that mounts the image as a layer. */
const OVERLAY_XATTRS = /^(?:trusted|user)\.overlay\./;

function attributesOf(entry: TarEntry, sink: ContentSink): Attributes {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = entry;
  return { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs: keptXattrs(entry, sink) };
}

function keptXattrs({ xattrs, path }: TarEntry, sink: ContentSink): Map<ByteString, Buffer> | undefined {
  if (xattrs === undefined) return undefined;
  const kept = new Map<ByteString, Buffer>();
  let bytes = 0;
  for (const [name, value] of xattrs) {
    if (DROPPED_XATTRS.includes(name) || OVERLAY_XATTRS.test(name)) continue;
    if (name === "" || name.includes("\0")) throw formatInvalid("an xattr without a proper name", path);
    // containerd and Docker, too, leave out what the file system has no place for: com.apple.provenance, of a Mac's files.
    if (sink.takesXattr?.(name) === false) continue;
    if (name.length > MAX_NAME_BYTES) throw formatLimit(`an xattr's name of ${name.length} bytes`, path);
    kept.set(name, value);
    bytes += name.length + value.length;
  }
  if (bytes > MAX_XATTR_BYTES) throw formatLimit(`${bytes} bytes of extended attributes`, path);
  return kept.size === 0 ? undefined : kept;
}

/** Linux numbers devices with 12 and 20 bits (kdev_t.h). */
function checkDevice({ path, devMajor, devMinor }: TarEntry): void {
  if (devMajor >= 2 ** 12 || devMinor >= 2 ** 20)
    throw formatInvalid(`there is no device ${devMajor}:${devMinor}`, path);
}

function checkTarget({ linkTarget, path }: TarEntry): ByteString {
  if (linkTarget === "") throw formatInvalid("a symbolic link to nothing", path);
  if (linkTarget.length >= MAX_PATH_BYTES) throw formatLimit(`a link target of ${linkTarget.length} bytes`, path);
  return linkTarget;
}
