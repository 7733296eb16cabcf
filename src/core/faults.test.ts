import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { openDatabase } from "../store/database.ts";
import { allFaultPoints, faultPoints } from "./faults.ts";
import { intentKind, onwardIntentKind, openIntentLog } from "./intents.ts";
import { openStore } from "./store.ts";
import { publish, stage } from "./places.ts";
import { newToy, toyTable } from "./testing/toys.ts";

afterEach(() => {
  delete process.env["BANGER_FAULT"];
  delete process.env["BANGER_FAULT_VISITS"];
});

/** What was visited meanwhile, in its order. */
async function visitsOf(work: (folder: string) => Promise<void> | void): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "banger-faults-"));
  try {
    process.env["BANGER_FAULT_VISITS"] = join(folder, "visits");
    await work(folder);
    return readFileSync(join(folder, "visits"), "utf8").trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("all places are known before any is reached, by their names", () => {
  faultPoints("toy.test", ["b", "a"]);
  const all = allFaultPoints();
  assert.deepEqual(
    all.filter((name) => name.startsWith("toy.test/")),
    ["toy.test/a", "toy.test/b"],
  );
  assert.deepEqual(all, all.toSorted());
});

test("a place fails where it is asked to, and no other does", () => {
  const reach = faultPoints("toy.test", ["a", "b"]);
  reach("a");
  process.env["BANGER_FAULT"] = "toy.test/a=fail";
  assert.throws(() => reach("a"), /toy\.test\/a failed since BANGER_FAULT asked for it/);
  reach("b");
  process.env["BANGER_FAULT"] = "a=fail";
  reach("a");
});

test("a file may say where, and says it anew each time", () => {
  const reach = faultPoints("toy.test", ["a", "b"]);
  const folder = mkdtempSync(join(tmpdir(), "banger-faults-"));
  try {
    process.env["BANGER_FAULT"] = join(folder, "where");
    reach("a");
    writeFileSync(join(folder, "where"), "toy.test/a=fail\n");
    assert.throws(() => reach("a"), /toy\.test\/a failed/);
    reach("b");
    rmSync(join(folder, "where"));
    reach("a");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a change of an object, and the begin and end of an intent, are places", async () => {
  using store = openStore(":memory:", { toys: toyTable });
  const ofRows = await visitsOf(() => {
    store.toys.insert(newToy("bear"));
    store.toys.transition("toy-bear", "wound");
    store.toys.delete("toy-bear");
  });
  assert.deepEqual(ofRows, ["toy/created", "toy/wound", "toy/deleted"]);

  using database = openDatabase(":memory:");
  const log = openIntentLog(database);
  const move = intentKind("toy.move");
  const ofIntents = await visitsOf(() => {
    const first = log.begin(move, "toy-a");
    log.end(first);
    log.end(first);
    log.end(log.begin(move, "toy-b"), "undone");
    log.end({ id: "int-of-an-earlier-daemon" });
  });
  assert.deepEqual(ofIntents, ["toy.move/begun", "toy.move/done", "toy.move/begun", "toy.move/undone"]);
});

test("what goes through once begun has no place at which it is undone", () => {
  onwardIntentKind("toy.drop");
  assert.deepEqual(
    allFaultPoints().filter((name) => name.startsWith("toy.drop/")),
    ["toy.drop/begun", "toy.drop/done"],
  );
});

test("files that go to their place pass two of them", async () => {
  const visits = await visitsOf(async (folder) => {
    await stage({ workDir: join(folder, "work") }, "toy-a");
    await publish({ workDir: join(folder, "work") }, "toy-a", join(folder, "toys"));
  });
  assert.deepEqual(visits, ["place/staged", "place/published"]);
});
