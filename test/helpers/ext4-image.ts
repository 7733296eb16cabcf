import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ext4Writer, type Ext4Options, type Ext4Summary } from "../../src/ext4/writer.ts";
import { BangerError } from "../../src/lib/errors.ts";
import { run } from "../../src/lib/process.ts";
import {
  link,
  newDevice,
  newDirectory,
  newFile,
  newRoot,
  newSpecial,
  newSymlink,
  type Attributes,
  type DirectoryInode,
  type Inode,
} from "../../src/model/file-tree.ts";

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
  readonly root = newRoot(attributes({ mode: 0o755 }));
  readonly writer: Ext4Writer;
  /** What files hold, of those with little in them. */
  readonly contents = new Map<Inode, Buffer>();

  constructor(writer: Ext4Writer) {
    this.writer = writer;
  }

  /** Adds a file; parents are made. */
  async file(path: string, pieces: Piece | readonly Piece[] = [], some: Partial<Attributes> = {}): Promise<Inode> {
    this.writer.beginFile();
    const list = Array.isArray(pieces) ? (pieces as readonly Piece[]) : [pieces as Piece];
    for (const piece of list) await (typeof piece === "number" ? this.writer.hole(piece) : this.writer.write(piece));
    const { size, extents } = this.writer.endFile();
    const inode = this.add(path, newFile(attributes(some), size, extents));
    if (size < 2 ** 24) {
      this.contents.set(inode, Buffer.concat(list.map((p) => (typeof p === "number" ? Buffer.alloc(p) : p))));
    }
    return inode;
  }

  directory(path: string, some: Partial<Attributes> = {}): Inode {
    return this.add(path, newDirectory(attributes({ mode: 0o755, ...some })));
  }

  symlink(path: string, target: string): Inode {
    return this.add(path, newSymlink(attributes({ mode: 0o777 }), target));
  }

  device(path: string, type: "char" | "block", major: number, minor: number): Inode {
    return this.add(path, newDevice(type, attributes({ mode: 0o660 }), major, minor));
  }

  special(path: string, type: "fifo" | "socket"): Inode {
    return this.add(path, newSpecial(type, attributes()));
  }

  add<T extends Inode>(path: string, inode: T): T {
    const names = path.split("/");
    const last = names.pop() ?? "";
    let dir: DirectoryInode = this.root;
    for (const name of names) {
      let next = dir.entries.get(name);
      if (next?.type !== "directory") {
        next = newDirectory(attributes({ mode: 0o755 }));
        link(dir, name, next);
      }
      dir = next;
    }
    link(dir, last, inode);
    return inode;
  }

  contentOf(inode: Inode): Buffer {
    const content = this.contents.get(inode);
    if (content === undefined) throw new Error("nobody kept what this file holds");
    return content;
  }
}

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
      const summary = await writer.finish(sketch.root);
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
