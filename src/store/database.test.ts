import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import { SCHEMA_VERSION, checkVersion, openDatabase, stateCorrupt } from "./database.ts";
import { changeState, raiseRevision, readInstance, writeInstance } from "./instance-row.ts";
import { peekDatabase } from "./peek-database.ts";
import { openSeenCatalogs } from "./seen-catalogs.ts";

function scratch(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "banger-database-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const pragma = (database: DatabaseSync, name: string): unknown =>
  Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];

/** A file with another schema than ours. */
function foreign(path: string, sql: string): void {
  using database = new DatabaseSync(path);
  database.exec(sql);
}

test("only its owner reads a state, also one that others could read, and what lies beside it", () => {
  using folder = scratch();
  const path = join(folder.path, "banger.db");
  openDatabase(path).close();
  assert.equal(modeOf(path), 0o600);
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    writeFileSync(file, "", { flag: "a" });
    chmodSync(file, 0o644);
  }
  using database = openDatabase(path);
  database.exec("INSERT INTO catalogs VALUES ('u', 'k', 1, 's')");
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(modeOf(file), 0o600, file);
});

test("a state is made, opened again as it is, and in memory; every change is on disk when its call returns", () => {
  using folder = scratch();
  const path = join(folder.path, "banger.db");
  {
    using database = openDatabase(path);
    database.exec("INSERT INTO vms VALUES ('vm-1', 'a', '{}')");
    assert.deepEqual([pragma(database, "journal_mode"), pragma(database, "synchronous")], ["wal", 2]);
    assert.equal(pragma(database, "user_version"), SCHEMA_VERSION);
  }
  using again = openDatabase(path);
  assert.equal(again.prepare("SELECT count(*) AS n FROM vms").get()?.["n"], 1);
  using memory = openDatabase(":memory:");
  assert.equal(memory.prepare("SELECT count(*) AS n FROM vms").get()?.["n"], 0);
});

test("an older state is brought to today's schema, with what is in it", () => {
  using folder = scratch();
  const path = join(folder.path, "banger.db");
  foreign(
    path,
    `CREATE TABLE kernels (id TEXT, name TEXT, document TEXT); CREATE TABLE images (id TEXT, name TEXT, document TEXT);
     CREATE TABLE vms (id TEXT, name TEXT, document TEXT);
     CREATE TABLE intents (id TEXT, kind TEXT, subject TEXT, startedAt TEXT);
     INSERT INTO images VALUES ('img-1', 'a', '{}'); PRAGMA user_version = 1;`,
  );
  using database = openDatabase(path);
  assert.equal(pragma(database, "user_version"), SCHEMA_VERSION);
  assert.equal(database.prepare("SELECT id FROM images").get()?.["id"], "img-1");
  assert.deepEqual(readInstance(database), { id: undefined, revision: 0, createdAt: "1970-01-01T00:00:00.000Z" });
});

test("what is no database, or one of a newer banger, is refused and left as it is", () => {
  using folder = scratch();
  const path = join(folder.path, "banger.db");
  writeFileSync(path, "no database at all, but longer than its header would be".repeat(20));
  assert.throws(() => openDatabase(path), { code: "STATE_CORRUPT", what: `cannot open the state in ${path}` });
  const newer = join(folder.path, "newer.db");
  foreign(newer, `CREATE TABLE a (b); PRAGMA user_version = ${SCHEMA_VERSION + 1};`);
  assert.throws(() => openDatabase(newer), { code: "STATE_CORRUPT", what: /written by a newer banger/ });
  assert.throws(() => openDatabase(join(folder.path, "none", "banger.db")), { code: "STATE_CORRUPT", why: /ENOENT/ });
  checkVersion(newer, SCHEMA_VERSION);
  const known = new BangerError("VM_NOT_FOUND", { what: "a", fix: "b" });
  assert.equal(stateCorrupt(path, known), known, "an error that says what it is stays the same");
  assert.match(stateCorrupt(path, "odd").message, /cannot open the state/);
});

test("a look at a database tells what it is, and makes nothing", () => {
  using folder = scratch();
  const at = (name: string): string => join(folder.path, name);
  assert.deepEqual(peekDatabase(at("none")), { is: "absent" });
  assert.equal(statSync(at("none"), { throwIfNoEntry: false }), undefined);
  writeFileSync(at("empty"), "");
  assert.deepEqual(peekDatabase(at("empty")), { is: "absent" });
  mkdirSync(at("folder"));
  writeFileSync(at("text"), "x".repeat(5000));
  foreign(at("theirs"), "CREATE TABLE songs (id TEXT)");
  foreign(at("numbered"), "CREATE TABLE vms (id TEXT); PRAGMA user_version = 1");
  foreign(at("newer"), `CREATE TABLE vms (id TEXT); PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  for (const [name, why] of [
    ["folder", /no regular file/],
    ["text", /not a database/],
    ["theirs", /no database of banger's/],
    ["numbered", /no database of banger's/],
    ["newer", /knows \d/],
  ] as const) {
    const seen = peekDatabase(at(name));
    assert.ok(seen.is === "unusable", name);
    assert.equal(seen.error.code, "STATE_CORRUPT");
    assert.match(seen.error.why ?? "", why, name);
  }
});

test("a look at a state says whose it is, how far it has counted, and what is in it", () => {
  using folder = scratch();
  const path = join(folder.path, "banger.db");
  const nothing = { kernels: new Set(), images: new Set(), volumes: new Set(), vms: new Set() };
  foreign(path, "CREATE TABLE a (b); DROP TABLE a");
  assert.deepEqual(
    peekDatabase(path),
    { is: "usable", instance: undefined, revision: 0, ids: nothing },
    "cut off early",
  );
  {
    using database = openDatabase(path);
    writeInstance(database, "inst-1");
    changeState(database, () => database.exec("INSERT INTO vms VALUES ('vm-1', 'a', '{}'), ('vm-2', 'b', '{}')"));
  }
  assert.deepEqual(peekDatabase(path), {
    is: "usable",
    instance: "inst-1",
    revision: 1,
    ids: { ...nothing, vms: new Set(["vm-1", "vm-2"]) },
  });
});

test("a state whose pages are damaged is told from a whole one", () => {
  using folder = scratch();
  const path = join(folder.path, "banger.db");
  {
    using database = openDatabase(path);
    const insert = database.prepare("INSERT INTO vms VALUES (:id, :id, :document)");
    for (let n = 0; n < 200; n += 1) insert.run({ id: `vm-${n}`, document: "x".repeat(500) });
  }
  assert.equal(peekDatabase(path).is, "usable");
  const bytes = readFileSync(path);
  // The second half holds the rows' pages; the schema's stay readable.
  writeFileSync(path, bytes.fill(0xff, Math.floor(bytes.length / 2)));
  const seen = peekDatabase(path);
  assert.ok(seen.is === "unusable");
  assert.match(seen.error.why ?? "", /damaged|malformed/);
});

test("an instance is counted up with each change, both or neither, and never back", () => {
  using database = openDatabase(":memory:");
  assert.equal(readInstance(database).id, undefined);
  assert.ok(Math.abs(Date.parse(readInstance(database).createdAt) - Date.now()) < 60_000);
  writeInstance(database, "inst-1");
  assert.deepEqual(
    changeState(database, () => "a"),
    { revision: 1, result: "a" },
  );
  assert.throws(() => changeState(database, () => assert.fail("no")), /no/);
  assert.ok(!database.isTransaction);
  assert.equal(readInstance(database).revision, 1);
  database.exec("BEGIN");
  assert.equal(changeState(database, () => database.isTransaction).revision, 2);
  assert.ok(database.isTransaction, "a transaction that there was goes on");
  database.exec("ROLLBACK");
  assert.equal(readInstance(database).revision, 1);
  raiseRevision(database, 7);
  raiseRevision(database, 3);
  assert.deepEqual([readInstance(database).id, readInstance(database).revision], ["inst-1", 7]);
});

test("a change that rolled back by itself is told as what it was", () => {
  using database = openDatabase(":memory:");
  const full = (): never => {
    database.exec("ROLLBACK");
    throw new Error("the disk is full");
  };
  assert.throws(() => changeState(database, full), /the disk is full/);
});

test("of a catalog the highest serial is remembered, whoever writes last; another key is another catalog", () => {
  using database = openDatabase(":memory:");
  const seen = openSeenCatalogs(database);
  assert.equal(seen.find("u", "k"), undefined);
  seen.note({ url: "u", key: "k", serial: 5, sha256: "five" });
  seen.note({ url: "u", key: "k", serial: 4, sha256: "four" });
  assert.deepEqual(seen.find("u", "k"), { url: "u", key: "k", serial: 5, sha256: "five" });
  seen.note({ url: "u", key: "k", serial: 6, sha256: "six" });
  assert.equal(seen.find("u", "k")?.sha256, "six");
  assert.equal(seen.find("u", "other"), undefined);
});
