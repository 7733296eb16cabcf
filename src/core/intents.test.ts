import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { z } from "zod";
import { openDatabase } from "../store/database.ts";
import { intentKind, openIntentLog, withIntent } from "./intents.ts";

test("an intent is open while its work runs, and gone after", async () => {
  using database = openDatabase(":memory:");
  const log = openIntentLog(database);
  await withIntent(
    log,
    intentKind("vm.create"),
    "vm-1",
    async () =>
      assert.deepEqual(
        log.open().map(({ kind, subject }) => [kind, subject]),
        [["vm.create", "vm-1"]],
      ),
    async () => assert.fail("nothing to undo"),
  );
  assert.deepEqual(log.open(), []);
});

test("a failure is undone before the intent ends, and passed on", async () => {
  using database = openDatabase(":memory:");
  const log = openIntentLog(database);
  let openDuringUndo = 0;
  const failing = withIntent(
    log,
    intentKind("image.add"),
    "img-1",
    async () => {
      throw new Error("no");
    },
    async () => {
      openDuringUndo = log.open().length;
    },
  );
  await assert.rejects(failing, /no/);
  assert.equal(openDuringUndo, 1);
  assert.deepEqual(log.open(), []);
});

test("an undo that fails leaves the intent open for recovery", async () => {
  using database = openDatabase(":memory:");
  const log = openIntentLog(database);
  const fail = async (): Promise<never> => {
    throw new Error("broken");
  };
  await assert.rejects(withIntent(log, intentKind("vm.delete"), "vm-1", fail, fail));
  assert.equal(log.open().length, 1);
});

test("a state of a newer banger is refused, and left as it is", () => {
  const folder = mkdtempSync(join(tmpdir(), "banger-store-"));
  const path = join(folder, "banger.db");
  try {
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    assert.throws(() => openDatabase(path), { code: "STATE_CORRUPT" });
    writeFileSync(path, "this is no database, however long it may be".repeat(100));
    assert.throws(() => openDatabase(path), { code: "STATE_CORRUPT" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an intent keeps what its settling needs to know, and one of another banger's is kept as it is", () => {
  using database = openDatabase(":memory:");
  const log = openIntentLog(database);
  const kind = intentKind("toy.move", z.object({ to: z.string() }));
  log.begin(kind, "toy-1", { to: "there" });
  database.exec(
    "INSERT INTO intents (id, kind, subject, startedAt, payload) VALUES ('int-1', 'of.tomorrow', 'x', '', '{')",
  );
  assert.deepEqual(
    log.open().map((intent) => [intent.kind, intent.payload]),
    [
      ["toy.move", { to: "there" }],
      ["of.tomorrow", undefined],
    ],
  );
});
