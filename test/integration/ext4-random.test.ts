import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mib } from "../../src/lib/bytes.ts";
import type { InodeId } from "../../src/model/file-tree.ts";
import type { Attributes, Inode } from "../../src/model/inode.ts";
import { needsLoop, TestImage, type Sketch } from "../helpers/ext4-image.ts";
import { differences, listFolder, listTree } from "../helpers/tree-listing.ts";

/** Bytes as a string, without those that no name can have. */
const bytes = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: 1, maxLength })
    .map((data) => Buffer.from(data).toString("latin1").replaceAll("/", "_").replaceAll("\0", "0"))
    .filter((name) => name !== "." && name !== "..");

const name = fc.oneof(fc.constantFrom("a", "b", "c", "lost+found"), bytes(8), bytes(255));
const attributes: fc.Arbitrary<Attributes> = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.constant(0), fc.nat(2 ** 32 - 2)),
  gid: fc.oneof(fc.constant(0), fc.nat(2 ** 32 - 2)),
  mtimeSeconds: fc.integer({ min: -(2 ** 31), max: 2 ** 34 - 2 ** 31 - 1 }),
  mtimeNanoseconds: fc.nat(999_999_999),
  xattrs: fc.option(
    fc
      .uniqueArray(
        fc.tuple(fc.stringMatching(/^(user|trusted)\.[a-z0-9._-]{1,40}$/), fc.uint8Array({ maxLength: 200 })),
        {
          selector: ([key]) => key,
          maxLength: 8,
        },
      )
      .map((all) => new Map(all.map(([key, value]) => [key, Buffer.from(value)]))),
    { nil: undefined },
  ),
});
const content = fc.array(fc.record({ blocks: fc.nat(6), byte: fc.nat(2), tail: fc.nat(4095) }), { maxLength: 5 });

/** One step: something gets a name in one of the directories that there are by then, or a name goes. */
const step = fc.record({
  where: fc.nat(),
  name,
  what: fc.constantFrom(
    "file",
    "file",
    "directory",
    "directory",
    "symlink",
    "char",
    "block",
    "fifo",
    "socket",
    "link",
    "unlink",
  ),
  attributes,
  content,
  target: bytes(100),
  number: fc.nat(2 ** 20 - 1),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function draw(t: Sketch, steps: readonly Step[]): Promise<void> {
  for (const s of steps) {
    const dirs = directoriesOf(t);
    const dir = dirs[s.where % dirs.length] ?? t.tree.root;
    const there = t.tree.find(dir, s.name);
    if (s.what === "unlink") {
      if (there !== 0) t.tree.unlink(there);
    } else if (s.what === "link") {
      const files = [...t.contents.keys()].filter((id) => t.tree.has(id));
      const file = files[s.number % files.length];
      if (file !== undefined) t.tree.link(dir, s.name, file);
    } else {
      const whole = Buffer.concat(s.content.map(({ blocks, byte, tail }) => Buffer.alloc(blocks * 4096 + tail, byte)));
      const inode = await make(t, s, whole);
      const id = t.tree.inodeOf(t.tree.add(dir, s.name, inode));
      if (inode.type === "file") t.contents.set(id, whole);
    }
  }
}

async function make(t: Sketch, s: Step, content: Buffer): Promise<Inode> {
  switch (s.what) {
    case "symlink":
      return { type: "symlink", ...s.attributes, mode: 0o777, xattrs: undefined, target: s.target };
    case "char":
    case "block":
      return { type: s.what, ...withoutUser(s.attributes), major: s.number % 4096, minor: s.number };
    case "fifo":
    case "socket":
      return { type: s.what, ...withoutUser(s.attributes) };
    case "file": {
      t.writer.beginFile();
      await t.writer.write(content);
      return { type: "file", ...s.attributes, ...t.writer.endFile() };
    }
    default:
      return { type: "directory", ...s.attributes };
  }
}

/** Linux lets only files and directories have user attributes. */
function withoutUser(a: Attributes): Attributes {
  const kept = [...(a.xattrs ?? [])].filter(([key]) => !key.startsWith("user."));
  return { ...a, xattrs: kept.length === 0 ? undefined : new Map(kept) };
}

function directoriesOf({ tree }: Sketch): InodeId[] {
  const all = Array.from({ length: tree.inodeCount }, (_, id) => id);
  return all.filter((id) => tree.has(id) && tree.typeOf(id) === "directory");
}

test("any tree is what the kernel sees, and e2fsck is content", { skip: needsLoop }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await using drawn = await TestImage.draw((t) => draw(t, steps), { sizeBytes: mib(64) });
      await drawn.image.assertClean();
      await using mounted = await drawn.image.mount();
      const theirs = await listFolder(mounted.folder);
      const ours = listTree(drawn.sketch.root, (inode) => drawn.sketch.contentOf(inode));
      assert.deepEqual(differences(ours, theirs), []);
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 40), endOnFailure: false },
  );
});
