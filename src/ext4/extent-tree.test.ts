import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildExtentTree, diskExtents, extentTreeBlocks } from "./extent-tree.ts";

test("a long run is cut at what one extent can say", () => {
  const extents = diskExtents([{ fileBlock: 5, diskBlock: 100, blocks: 2 * 32768 + 1 }]);
  assert.deepEqual(extents, [
    { fileBlock: 5, diskBlock: 100, blocks: 32768 },
    { fileBlock: 5 + 32768, diskBlock: 100 + 32768, blocks: 32768 },
    { fileBlock: 5 + 65536, diskBlock: 100 + 65536, blocks: 1 },
  ]);
});

test("the tree has as many blocks as its levels need", () => {
  const counts = [0, 4, 5, 340, 341, 1360, 1361, 115_600, 462_401].map((extents) => extentTreeBlocks(extents));
  assert.deepEqual(counts, [0, 0, 1, 1, 2, 4, 5 + 1, 340 + 1, 1361 + 5 + 2 - 1]);
});

test("a walk down from the root meets each extent once, in order", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.nat(2 ** 40), (count, base) => {
      const extents = Array.from({ length: count }, (_, i) => ({
        fileBlock: 2 * i,
        diskBlock: base + 3 * i,
        blocks: 1,
      }));
      const places = Array.from({ length: extentTreeBlocks(count) }, (_, i) => 10_000 + i);
      const tree = buildExtentTree(extents, places, 7);
      assert.equal(tree.blocks.length, places.length);
      const node = (at: number): Buffer => tree.blocks[places.indexOf(at)] ?? Buffer.alloc(0);
      assert.deepEqual(walk(tree.root, node), extents);
    }),
    { numRuns: 30 },
  );
});

function walk(node: Buffer, nodeAt: (block: number) => Buffer): unknown[] {
  assert.equal(node.readUInt16LE(0), 0xf30a);
  const [entries, depth] = [node.readUInt16LE(2), node.readUInt16LE(6)];
  return Array.from({ length: entries }, (_, i) => 12 + 12 * i).flatMap((at) => {
    if (depth > 0) return walk(nodeAt(node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32), nodeAt);
    const diskBlock = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
    return [{ fileBlock: node.readUInt32LE(at), diskBlock, blocks: node.readUInt16LE(at + 4) }];
  });
}
