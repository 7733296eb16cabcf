import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ext4Writer, type Ext4Options, type Ext4Summary } from "../../src/ext4/writer.ts";
import { BangerError } from "../../src/lib/errors.ts";
import { run } from "../../src/lib/process.ts";
import { FileTree, type InodeId } from "../../src/model/file-tree.ts";
import type { Attributes, Inode } from "../../src/model/inode.ts";
import { nodesOf, type DirectoryNode, type TreeNode } from "./tree-nodes.ts";

/** Why a test that needs the kernel's ext4 is left out; false where it can run. */
export const needsLoop = process.getuid?.() === 0 ? false : "mounting an image through a loop device needs root";

/** A stretch of a file: bytes, or a hole of so many. */
export type Piece = Buffer | number;

export const attributes = (some: Partial<Attributes> = {}): Attributes => ({
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeSeconds: 1_700_000_000,
  mtimeNanoseconds: 0,
  xattrs: undefined,
  ...some,
});

/** A tree that is drawn name by name, and its contents. */
export class Sketch {
  readonly tree = new FileTree(tmpdir(), attributes({ mode: 0o755 }));
  readonly writer: Ext4Writer;
  /** What files hold, of those with little in them. */
  readonly contents = new Map<InodeId, Buffer>();

  constructor(writer: Ext4Writer) {
    this.writer = writer;
  }

  /** All that was drawn. */
  get root(): DirectoryNode {
    return nodesOf(this.tree);
  }

  /** Adds a file; parents are made. */
  async file(path: string, pieces: Piece | readonly Piece[] = [], some: Partial<Attributes> = {}): Promise<InodeId> {
    const list = Array.isArray(pieces) ? (pieces as readonly Piece[]) : [pieces as Piece];
    this.writer.beginFile();
    for (const piece of list) await (typeof piece === "number" ? this.writer.hole(piece) : this.writer.write(piece));
    const { size, extents } = this.writer.endFile();
    const id = this.add(path, { type: "file", ...attributes(some), size, extents });
    if (size < 2 ** 24) {
      this.contents.set(id, Buffer.concat(list.map((p) => (typeof p === "number" ? Buffer.alloc(p) : p))));
    }
    return id;
  }

  directory(path: string, some: Partial<Attributes> = {}): InodeId {
    return this.add(path, { type: "directory", ...attributes({ mode: 0o755, ...some }) });
  }

  symlink(path: string, target: string): InodeId {
    return this.add(path, { type: "symlink", ...attributes({ mode: 0o777 }), target });
  }

  device(path: string, type: "char" | "block", major: number, minor: number): InodeId {
    return this.add(path, { type, ...attributes({ mode: 0o660 }), major, minor });
  }

  special(path: string, type: "fifo" | "socket"): InodeId {
    return this.add(path, { type, ...attributes() });
  }

  add(path: string, inode: Inode): InodeId {
    const { parent, name } = this.#parentOf(path);
    return this.tree.inodeOf(this.tree.add(parent, name, inode));
  }

  /** One more name of an inode. */
  link(path: string, inode: InodeId): void {
    const { parent, name } = this.#parentOf(path);
    this.tree.link(parent, name, inode);
  }

  contentOf(inode: TreeNode): Buffer {
    const content = this.contents.get(inode.id);
    if (content === undefined) throw new Error("nobody kept what this file holds");
    return content;
  }

  #parentOf(path: string): { parent: InodeId; name: string } {
    const names = path.split("/");
    const last = names.pop() ?? "";
    let parent: InodeId = this.tree.root;
    for (const name of names) {
      const next = this.tree.lookup(parent, name);
      const isDirectory = next !== undefined && this.tree.typeOf(next) === "directory";
      const made: Inode = { type: "directory", ...attributes({ mode: 0o755 }) };
      parent = isDirectory ? next : this.tree.inodeOf(this.tree.add(parent, name, made));
    }
    return { parent, name: last };
  }
}

/** A file without a content. */
export const emptyFile = (some: Partial<Attributes> = {}): Inode => ({
  type: "file",
  ...attributes(some),
  size: 0,
  extents: [],
});

/** An image in a folder of its own, both gone when it is disposed of. */
export class TestImage implements AsyncDisposable {
  readonly folder: string;
  readonly path: string;

  constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, "disk.img");
  }

  static async empty(): Promise<TestImage> {
    return new TestImage(await mkdtemp(join(tmpdir(), "banger-ext4-")));
  }

  /** Writes what `draw` draws. */
  static async draw(
    draw: (sketch: Sketch) => unknown,
    options: Partial<Ext4Options> = {},
  ): Promise<{ image: TestImage; sketch: Sketch; summary: Ext4Summary } & AsyncDisposable> {
    const image = await TestImage.empty();
    try {
      const identity = Buffer.from("test image");
      await using writer = await Ext4Writer.create(image.path, { identity, durable: false, ...options });
      const sketch = new Sketch(writer);
      await draw(sketch);
      const summary = await writer.finish(sketch.tree);
      return { image, sketch, summary, [Symbol.asyncDispose]: () => image[Symbol.asyncDispose]() };
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What e2fsck finds wrong; undefined when it finds nothing. */
  async fsck(): Promise<string | undefined> {
    try {
      await run("e2fsck", ["-fn", this.path], { maxOutputBytes: 2 ** 20 });
      return undefined;
    } catch (error) {
      if (!(error instanceof BangerError) || error.code !== "TOOL_FAILED") throw error;
      const said = error.cause instanceof Error && "stdout" in error.cause ? String(error.cause.stdout) : "";
      return `${said}\n${error.message}`;
    }
  }

  async assertClean(): Promise<void> {
    assert.equal(await this.fsck(), undefined);
  }

  /** What debugfs answers to one request. */
  async debugfs(request: string): Promise<string> {
    return (await run("debugfs", ["-R", request, this.path])).stdout;
  }

  /** Mounts the image by the kernel until disposed of. */
  async mount(mode: "ro" | "rw" = "ro"): Promise<{ folder: string } & AsyncDisposable> {
    const folder = join(this.folder, "mnt");
    await mkdir(folder, { recursive: true });
    await run("mount", ["-t", "ext4", "-o", `loop,${mode}`, this.path, folder]);
    return {
      folder,
      [Symbol.asyncDispose]: async () => {
        await run("umount", [folder]);
      },
    };
  }

  /** A copy as it is on disk right now. Sparse. */
  async copy(): Promise<TestImage> {
    const copy = await TestImage.empty();
    await run("cp", ["--sparse=always", this.path, copy.path]);
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
