import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { publish, stage, unpublish } from "./places.ts";

const ID = "toy-a";

async function scene(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "banger-places-"));
  t.after(() => rm(folder, { recursive: true }));
  return { workDir: join(folder, "work"), home: join(folder, "toys") };
}

test("files are made beside their place, and stand in it whole", async (t) => {
  const { workDir, home } = await scene(t);
  const work = await stage({ workDir }, ID);
  assert.equal(work, join(workDir, ID));
  assert.equal((await stat(work)).mode & 0o777, 0o700);
  await writeFile(join(work, "disk"), "dear");
  const place = await publish({ workDir }, ID, home);
  assert.equal(place, join(home, ID));
  assert.equal(await readFile(join(place, "disk"), "utf8"), "dear");
  assert.deepEqual(await readdir(workDir), []);
  assert.equal((await stat(home)).mode & 0o777, 0o700);
});

test("what an earlier attempt left is not taken along, and nobody else's work goes", async (t) => {
  const { workDir } = await scene(t);
  for (const id of [ID, "toy-ab"]) await writeFile(join(await stage({ workDir }, id), "old"), "");
  assert.deepEqual(await readdir(await stage({ workDir }, ID)), []);
  assert.deepEqual(await readdir(join(workDir, "toy-ab")), ["old"]);
});

test("what is not to be goes, staged or published, and twice is no mistake", async (t) => {
  const { workDir, home } = await scene(t);
  await stage({ workDir }, ID);
  await mkdir(join(home, ID), { recursive: true });
  await mkdir(join(home, "toy-ab"));
  for (let n = 0; n < 2; n += 1) {
    await unpublish({ workDir }, ID, home);
    assert.deepEqual([await readdir(workDir), await readdir(home)], [[], ["toy-ab"]]);
  }
});

test("an id that leads elsewhere takes nothing away", async (t) => {
  const { workDir, home } = await scene(t);
  await mkdir(workDir);
  await writeFile(join(workDir, "..", "dear"), "");
  for (const id of ["..", ".", "", "../dear"]) {
    await assert.rejects(stage({ workDir }, id), { code: "INTERNAL" }, id);
    await assert.rejects(unpublish({ workDir }, id, home), { code: "INTERNAL" }, id);
  }
  assert.deepEqual(await readdir(join(workDir, "..")), ["dear", "work"]);
});
