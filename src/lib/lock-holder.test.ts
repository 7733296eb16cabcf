import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { recordedSocket } from "./holder-record.ts";
import { findHolder, noteHolder } from "./lock-holder.ts";

test("a record counts while its process has the lock open, and in no other boot", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-holder-"));
  t.after(() => rm(folder, { recursive: true }));
  const lockFile = join(folder, "daemon.lock");
  const socket = join(folder, "run", "bangerd.sock");
  await mkdir(join(folder, "run"), { mode: 0o700 });
  await writeFile(lockFile, "");
  await noteHolder(lockFile, socket);
  assert.equal(recordedSocket(lockFile), socket);
  assert.equal(await findHolder(lockFile), undefined, "it has the lock not open");

  await using _held = await open(lockFile);
  const holder = await findHolder(lockFile);
  assert.deepEqual([holder?.pid, holder?.socket], [process.pid, socket]);
  const path = join(folder, "daemon.json");
  const record = JSON.parse(await readFile(path, "utf8")) as object;
  for (const changes of [{ bootId: "another" }, { startTicks: 1 }, { pid: 1 }, { socket: "run/bangerd.sock" }]) {
    await writeFile(path, JSON.stringify({ ...record, ...changes }));
    assert.equal(await findHolder(lockFile), undefined, JSON.stringify(changes));
  }
});

test("a recorded socket in a folder that others may enter is not trusted", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-holder-"));
  t.after(() => rm(folder, { recursive: true }));
  const lockFile = join(folder, "daemon.lock");
  const elsewhere = join(folder, "elsewhere");
  await mkdir(elsewhere, { mode: 0o700 });
  await noteHolder(lockFile, join(elsewhere, "bangerd.sock"));
  assert.equal(recordedSocket(lockFile), join(elsewhere, "bangerd.sock"));
  await chmod(elsewhere, 0o755);
  assert.equal(recordedSocket(lockFile), undefined);
});
