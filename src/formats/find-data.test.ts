import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sparseFile } from "./testing/sparse-file.ts";
import { findData, withFewer } from "./find-data.ts";

const signal = new AbortController().signal;
const MIB = 2 ** 20;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-data-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("where a file holds something, whatever the file system keeps of it", async () => {
  const path = await sparseFile(join(folder, "map.img"), 300 * MIB, [
    [0, Buffer.alloc(100_000, 7)],
    [50 * MIB + 12_345, Buffer.alloc(70_000, 9)],
    // Zeros that are written are zeros.
    [100 * MIB, Buffer.alloc(MIB)],
    [300 * MIB - 3, Buffer.from("end")],
  ]);
  assert.deepEqual(await findData(path, signal), [0, 131_072, 50 * MIB, 131_072, 300 * MIB - 65_536, 65_536]);
  // Who registers an image may do so by a link; what counts is the file.
  const link = join(folder, "link.img");
  await symlink(path, link);
  assert.deepEqual(await findData(link, signal), await findData(path, signal));
  await rm(link);
  const small = await sparseFile(join(folder, "small.img"), 70_001, [[70_000, Buffer.from("x")]]);
  assert.deepEqual(await findData(small, signal), [65_536, 4_465]);
  assert.deepEqual(await findData(await sparseFile(join(folder, "empty.img"), 20 * MIB, []), signal), []);
});

test("a map that is too long is made shorter, and still covers all of it", () => {
  const granule = 64 * 1024;
  const parts = Array.from({ length: 1000 }, (_, i) => [3 * i * granule, granule]).flat();
  const fewer = withFewer(parts, 100);
  assert.ok(fewer.length <= 200);
  for (let i = 0; i < parts.length; i += 2) {
    const at = parts[i] ?? 0;
    assert.ok(fewer.some((start, j) => j % 2 === 0 && start <= at && at + granule <= start + (fewer[j + 1] ?? 0)));
  }
  assert.deepEqual(withFewer(parts, 1000), parts);
});
