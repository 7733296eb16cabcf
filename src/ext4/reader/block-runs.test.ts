import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import { blockRuns, type BlockRun } from "./block-runs.ts";
import type { Ext4Stat } from "./inode-fields.ts";

interface Node {
  readonly depth: number;
  /** Pairs of fileBlock and child or disk block; one block long where these are extents. */
  readonly entries: readonly (readonly [fileBlock: number, block: number])[];
  readonly length?: number;
}

function encode({ depth, entries, length = 1 }: Node, bytes: number): Buffer {
  const node = Buffer.alloc(bytes);
  node.writeUInt16LE(0xf30a, 0);
  node.writeUInt16LE(entries.length, 2);
  node.writeUInt16LE(depth, 6);
  entries.forEach(([fileBlock, block], i) => {
    node.writeUInt32LE(fileBlock, 12 + 12 * i);
    if (depth === 0) node.writeUInt16LE(length, 16 + 12 * i);
    node.writeUInt32LE(block, (depth === 0 ? 20 : 16) + 12 * i);
  });
  return node;
}

/** The runs of a file with this tree, and how many blocks were read for them. */
async function runsOf(
  root: Node,
  nodes: Readonly<Record<number, Node>> = {},
): Promise<{ runs: BlockRun[]; reads: number }> {
  let reads = 0;
  const inode = { ino: 12, usesExtents: true, iBlock: encode(root, 60) } as Ext4Stat;
  const read = async (block: number): Promise<Buffer> => {
    reads += 1;
    const node = nodes[block];
    return node === undefined ? Buffer.alloc(4096) : encode(node, 4096);
  };
  const runs: BlockRun[] = [];
  for await (const run of blockRuns(inode, 4096, read)) runs.push(run);
  return { runs, reads };
}

const damaged = (error: unknown): boolean => error instanceof BangerError && error.code === "EXT4_INVALID";

test("a tree of two levels gives its runs in order", async () => {
  const leaves = {
    7: {
      depth: 0,
      entries: [
        [0, 100],
        [5, 200],
      ],
    },
    8: { depth: 0, entries: [[9, 300]] },
  } as const;
  const { runs, reads } = await runsOf(
    {
      depth: 1,
      entries: [
        [0, 7],
        [9, 8],
      ],
    },
    leaves,
  );
  assert.deepEqual(
    runs.map(({ fileBlock, diskBlock }) => [fileBlock, diskBlock]),
    [
      [0, 100],
      [5, 200],
      [9, 300],
    ],
  );
  assert.equal(reads, 2);
});

test("an extent that was only set aside is a hole", async () => {
  assert.deepEqual((await runsOf({ depth: 0, entries: [[0, 100]], length: 32768 + 5 })).runs, []);
});

const LIES: Readonly<Record<string, () => Promise<unknown>>> = {
  "a node that is its own child": () => runsOf({ depth: 1, entries: [[0, 7]] }, { 7: { depth: 1, entries: [[0, 7]] } }),
  "a root deeper than there can be": () => runsOf({ depth: 6, entries: [[0, 7]] }),
  "no node where one should be": () => runsOf({ depth: 1, entries: [[0, 7]] }),
  "an empty node below the root": () => runsOf({ depth: 1, entries: [[0, 7]] }, { 7: { depth: 0, entries: [] } }),
  "one node in two places": () =>
    runsOf(
      {
        depth: 1,
        entries: [
          [0, 7],
          [5, 7],
        ],
      },
      { 7: { depth: 0, entries: [[0, 100]] } },
    ),
  "entries out of order": () =>
    runsOf({
      depth: 0,
      entries: [
        [5, 100],
        [4, 200],
      ],
    }),
  "extents over one another": () =>
    runsOf({
      depth: 0,
      entries: [
        [0, 100],
        [4, 200],
      ],
      length: 5,
    }),
  "an extent of no length": () => runsOf({ depth: 0, entries: [[0, 100]], length: 0 }),
  "a child that tells of blocks before its own": () =>
    runsOf({ depth: 1, entries: [[9, 7]] }, { 7: { depth: 0, entries: [[3, 100]] } }),
};

for (const [name, lie] of Object.entries(LIES)) {
  test(`${name} is damage`, async () => {
    await assert.rejects(lie(), damaged);
  });
}
