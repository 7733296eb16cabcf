import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeRoomForLog } from "./kept-logs.ts";

test("room is made by the oldest logs of ours, and by nothing else in their folder", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-logs-"));
  t.after(() => rm(folder, { recursive: true }));
  const old = new Date("2020-01-01");
  const foreign = ["notes.log", "box.log", "thesis.txt", "link-2026-01-02T030405678Z.log"];
  for (const name of foreign.slice(0, 3)) await writeFile(join(folder, name), "dear");
  await symlink("nowhere", join(folder, "link-2026-01-02T030405678Z.log"));
  await mkdir(join(folder, "folder-2026-01-02T030405678Z.log"));
  for (const name of [...foreign.slice(0, 3), "folder-2026-01-02T030405678Z.log"])
    await utimes(join(folder, name), old, old);
  const ours = Array.from({ length: 60 }, (_, i) =>
    i % 2 === 0 ? `vm-0123456789abcd${10 + i}.log` : `box-2026-01-02T0304056${10 + i}Z.log`,
  );
  for (const [age, name] of ours.entries()) {
    await writeFile(join(folder, name), "");
    await utimes(join(folder, name), new Date(1_700_000_000_000 + age), new Date(1_700_000_000_000 + age));
  }
  await makeRoomForLog(folder);
  const left = await readdir(folder);
  for (const name of [...foreign, "folder-2026-01-02T030405678Z.log"]) assert.ok(left.includes(name), name);
  assert.deepEqual(left.filter((name) => ours.includes(name)).toSorted(), ours.slice(11).toSorted());
});
