import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { describeIn, readDescription } from "./descriptions.ts";

const toy = { id: "toy-a", size: 1 };

async function scene(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), "banger-described-"));
  t.after(() => rm(home, { recursive: true }));
  const folder = join(home, "toys");
  const failures: string[] = [];
  let instance = "ins-a";
  const describer = describeIn<{ readonly id: string; readonly size?: number | undefined }>(
    { folder, file: "toy.json" },
    () => instance,
    (_error, id) => failures.push(id),
  );
  const path = join(folder, toy.id, "toy.json");
  return { folder, path, failures, describer, moveTo: (to: string) => (instance = to) };
}

test("an object is described in a folder of its own, with whose it is and how old", async (t) => {
  const { path, folder, describer, failures } = await scene(t);
  describer.inserted(toy, 3);
  assert.deepEqual(readDescription(path), { banger: 1, instance: "ins-a", revision: 3, object: toy });
  assert.equal((await stat(join(folder, toy.id))).mode & 0o777, 0o700);
  describer.updated({ ...toy, size: 2 }, 4);
  assert.deepEqual(readDescription(path), { banger: 1, instance: "ins-a", revision: 4, object: { ...toy, size: 2 } });
  assert.deepEqual(failures, []);
});

test("what a start finds told stays as it is; what is missing, old, damaged or another's is told anew", async (t) => {
  const { path, describer, moveTo } = await scene(t);
  const kept = (object: Parameters<typeof describer.kept>[0], revision: number): number => {
    describer.kept(object, revision);
    return readDescription(path).revision;
  };
  assert.equal(kept(toy, 1), 1, "missing");
  assert.equal(kept(toy, 2), 1, "told already");
  assert.equal(kept({ ...toy, size: 5 }, 3), 3, "old");
  assert.equal(kept({ id: toy.id, size: undefined }, 4), 4);
  assert.equal(kept({ id: toy.id, size: undefined }, 5), 4, "what JSON leaves out is no difference");
  moveTo("ins-b");
  assert.equal(kept({ id: toy.id }, 6), 6, "of another instance");
  await writeFile(path, "{");
  assert.equal(kept({ id: toy.id }, 7), 7, "damaged");
});

test("a folder that goes is not made again by a change; whatever else fails is told, and fails no change", async (t) => {
  const { folder, path, describer, failures } = await scene(t);
  describer.updated(toy, 1);
  await assert.rejects(readdir(folder), { code: "ENOENT" });
  assert.deepEqual(failures, []);
  await mkdir(path, { recursive: true });
  describer.updated(toy, 2);
  assert.deepEqual(failures, ["toy-a"], "a folder is where the file should be");
  await rm(folder, { recursive: true });
  await writeFile(folder, "");
  describer.inserted(toy, 3);
  assert.deepEqual(failures, ["toy-a", "toy-a"]);
});

test("what does not read as a description is refused", async (t) => {
  const { folder } = await scene(t);
  await mkdir(folder);
  const path = join(folder, "x.json");
  const good = { banger: 1, instance: "i", revision: 0, object: null };
  const texts = [{ ...good, banger: 2 }, { ...good, revision: -1 }, { ...good, revision: 1.5 }, { banger: 1 }, null];
  for (const text of texts) {
    await writeFile(path, JSON.stringify(text));
    assert.throws(() => readDescription(path), JSON.stringify(text));
  }
  await writeFile(path, JSON.stringify(good));
  assert.deepEqual(readDescription(path), good);
  await writeFile(path, `${JSON.stringify(good)}${" ".repeat(4 * 1024 ** 2)}`);
  assert.throws(() => readDescription(path), "too large");
});
