import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BangerError } from "../lib/errors.ts";
import {
  BLOCKS_PER_GROUP,
  hasSuperblock,
  headBlocks,
  largestVolume,
  MAX_BLOCKS,
  planGeometry,
  skipHead,
} from "./geometry.ts";
import { planVolume, type VolumePlan } from "./volume-plan.ts";

/** All that a plan places, as [first, blocks]. */
function places(plan: VolumePlan): [number, number][] {
  const all: [number, number][] = [[plan.resizeBlock, 1]];
  for (const { diskBlock, blocks } of plan.journal) all.push([diskBlock, blocks]);
  for (const block of plan.journalTree) all.push([block, 1]);
  for (let group = 0; group < plan.groups; group += 1) {
    all.push([plan.blockBitmaps[group] ?? 0, 1], [plan.inodeBitmaps[group] ?? 0, 1]);
    all.push([plan.inodeTables[group] ?? 0, plan.inodeTableBlocks]);
    all.push([group * BLOCKS_PER_GROUP, headBlocks(plan.geometry, group)]);
  }
  return all.filter(([, blocks]) => blocks > 0).sort(([a], [b]) => a - b);
}

test("nothing overlaps, and all lies within the volume and behind the contents", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 256, max: 3_000_000 }),
      fc.double({ min: 0, max: 1.5, noNaN: true }),
      fc.integer({ min: 11, max: 400_000 }),
      fc.oneof(fc.constant(0), fc.nat(1_000_000)),
      (blocks, fill, lastInode, minFreeBlocks) => {
        const geometry = planGeometry(blocks);
        const firstFree = skipHead(geometry, Math.floor(blocks * fill));
        const plan = planVolume({
          geometry,
          blocks,
          maxBlocks: largestVolume(geometry),
          lastInode,
          firstFree,
          minFreeBlocks,
        });
        let end = 0;
        for (const [first, length] of places(plan)) {
          assert.ok(first >= end, `${first} lies before ${end}`);
          end = first + length;
        }
        assert.ok(end <= plan.blocks);
        const taken = places(plan).reduce((sum, [first, length]) => sum + (first >= firstFree ? length : 0), firstFree);
        assert.ok(plan.blocks - taken >= minFreeBlocks);
        assert.ok(plan.resizeBlock >= firstFree);
        assert.ok(plan.groups * plan.inodesPerGroup > lastInode);
        assert.equal(plan.inodesPerGroup % 16, 0);
        assert.ok(plan.inodesPerGroup <= 32768);
        assert.ok(plan.reservedDescriptorBlocks >= 1 && plan.reservedDescriptorBlocks <= 1024);
      },
    ),
    { numRuns: 300 },
  );
});

test("more inodes than a volume has room for make it larger, or fail with what is needed", () => {
  const geometry = planGeometry(32768);
  const needs = { geometry, blocks: 32768, lastInode: 100_000, firstFree: 5000, minFreeBlocks: 0 };
  assert.equal(planVolume({ ...needs, maxBlocks: 2 ** 20 }).groups, 4);
  assert.throws(
    () => planVolume({ ...needs, maxBlocks: 3 * 32768 }),
    (error) =>
      error instanceof BangerError && error.code === "EXT4_FULL" && error.data["neededBytes"] === 512 * 2 ** 20,
  );
});

test("superblocks stand in groups 0, 1 and the powers of 3, 5 and 7", () => {
  const groups = Array.from({ length: 130 }, (_, group) => group).filter((group) => hasSuperblock(group));
  assert.deepEqual(groups, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
});

test("a volume of any size can be described, and can grow", () => {
  for (let blocks = 256; blocks <= MAX_BLOCKS / 2; blocks *= 2) {
    assert.ok(largestVolume(planGeometry(blocks)) > blocks, `${blocks}`);
  }
});
