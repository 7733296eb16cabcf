import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../store/database.ts";
import { openTransactions } from "./transactions.ts";

function scene() {
  const database = openDatabase(":memory:");
  database.exec("CREATE TABLE words (word TEXT)");
  const transactions = openTransactions(database);
  const done: string[] = [];
  const add = (word: string): void => {
    database.prepare("INSERT INTO words VALUES (?)").run(word);
    transactions.afterwards(() => done.push(`${word}: ${database.isTransaction ? "within" : "after"}`));
  };
  const words = (): readonly unknown[] =>
    database
      .prepare("SELECT word FROM words")
      .all()
      .map((row) => row["word"]);
  return { database, transactions, done, add, words };
}

test("changes within one are its part, and what waits for it is done when all of it is", () => {
  const { database, transactions, done, add, words } = scene();
  using _database = database;
  const result = transactions.run(() => {
    add("a");
    const inner = transactions.run(() => {
      add("b");
      return "inner";
    });
    assert.deepEqual(done, []);
    return `${inner} and outer`;
  });
  assert.equal(result, "inner and outer");
  assert.deepEqual(
    [words(), done],
    [
      ["a", "b"],
      ["a: after", "b: after"],
    ],
  );
});

test("what fails is undone whole, with what waited for it, and the next begins anew", () => {
  const { database, transactions, done, add, words } = scene();
  using _database = database;
  const fail = (): void =>
    transactions.run(() => {
      add("a");
      transactions.run(() => add("b"));
      throw new Error("no");
    });
  assert.throws(fail, /^Error: no$/);
  assert.deepEqual([words(), done, database.isTransaction], [[], [], false]);
  transactions.run(() => add("c"));
  assert.deepEqual([words(), done], [["c"], ["c: after"]]);
});

test("where SQLite has rolled back by itself, the error stays the one that made it", () => {
  const { database, transactions } = scene();
  using _database = database;
  const fail = (): void =>
    transactions.run(() => {
      database.exec("ROLLBACK");
      throw new Error("the disk is full");
    });
  assert.throws(fail, /the disk is full/);
});

test("what waits for nothing is done at once", () => {
  const { database, done, add } = scene();
  using _database = database;
  add("a");
  assert.deepEqual(done, ["a: after"]);
});
