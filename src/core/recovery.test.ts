import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { intentKind, isWorkOf, WORK } from "./intents.ts";
import { recover } from "./recover.ts";
import { settleIntents, unknownIntents, type Settler } from "./recovery.ts";
import { openStore } from "./store.ts";
import { newToy, toyTable } from "./testing/toys.ts";

const MOVE = intentKind("toy.move");
const PAINT = intentKind("toy.paint");

/** A store and a folder for work in progress with these names in it. */
async function scene(t: TestContext, ...names: readonly string[]) {
  const workDir = await mkdtemp(join(tmpdir(), "banger-recovery-"));
  const store = openStore(":memory:", { toys: toyTable, others: { ...toyTable, table: "others", noun: "other" } });
  t.after(() => {
    store[Symbol.dispose]();
    return rm(workDir, { recursive: true });
  });
  for (const name of names) await writeFile(join(workDir, name), "");
  const context = { store, workDir, log: pino({ level: "silent" }) };
  const kinds = (): readonly string[] => store.intents.open().map(({ kind }) => kind);
  return { store, context, kinds, left: () => readdir(workDir) };
}

/** Settles what it is asked, and writes down what that was. */
function settling(kind: Settler["kind"], asked: string[], done?: string): Settler {
  return {
    kind,
    settle: async ({ subject }) => {
      asked.push(`${kind.kind} ${subject}`);
      return done;
    },
  };
}

test("each open intent is settled by its kind, in the order of their beginnings, and ends", async (t) => {
  const { store, context, kinds } = await scene(t);
  const [asked, told]: [string[], string[]] = [[], []];
  store.intents.begin(PAINT, "toy-b");
  store.intents.begin(MOVE, "toy-a");
  store.intents.begin(WORK, "toy-c");
  await settleIntents(context, [settling(MOVE, asked, "moved"), settling(PAINT, asked)], told);
  assert.deepEqual(asked, ["toy.paint toy-b", "toy.move toy-a"]);
  assert.deepEqual(told, ["moved"], "what was nothing to do is not told");
  assert.deepEqual(kinds(), []);
  await settleIntents(context, [settling(MOVE, asked)], told);
  assert.equal(asked.length, 2, "twice changes nothing");
});

test("a kind that nobody here knows stays open with its files, and is told of", async (t) => {
  const { store, context, kinds, left } = await scene(t, "toy-a");
  const told: string[] = [];
  store.intents.begin(intentKind("toy.tomorrow"), "toy-a");
  store.intents.begin(WORK, "toy-b");
  store.intents.begin(MOVE, "toy-c");
  const settlers = [settling(MOVE, [])];
  assert.deepEqual(
    unknownIntents(store, settlers).map(({ kind }) => kind),
    ["toy.tomorrow"],
  );
  assert.deepEqual(
    unknownIntents(store, []).map(({ kind }) => kind),
    ["toy.tomorrow", "toy.move"],
    "work in progress is every noun's",
  );
  await settleIntents(context, settlers, told);
  assert.deepEqual(kinds(), ["toy.tomorrow"]);
  assert.match(told.join("\n"), /^toy-a: another banger began "toy\.tomorrow" with it.*left alone$/);
  assert.deepEqual(await left(), ["toy-a"]);
});

test("an intent's work in progress goes before it is settled, and no other's", async (t) => {
  const { store, context, left } = await scene(t, "toy-a", "toy-a.part", "toy-ab", "toy-b", "xtoy-a");
  store.intents.begin(MOVE, "toy-a");
  const seen: (readonly string[])[] = [];
  const settler: Settler = {
    kind: MOVE,
    before: async () => void seen.push(await left()),
    settle: async () => void seen.push(await left()),
  };
  await settleIntents(context, [settler], []);
  assert.deepEqual(
    seen.map((names) => names.toSorted()),
    [
      ["toy-a", "toy-a.part", "toy-ab", "toy-b", "xtoy-a"],
      ["toy-ab", "toy-b", "xtoy-a"],
    ],
  );
});

test("names in the work folder are an object's by its whole id", () => {
  const ours = ["vm-1", "vm-1.", "vm-1.disk", "vm-1.disk.part", "vm-12", "vm-1-x", "vm-", ".vm-1", "x.vm-1", ""];
  assert.deepEqual(
    ours.filter((name) => isWorkOf(name, "vm-1")),
    ["vm-1", "vm-1.", "vm-1.disk", "vm-1.disk.part"],
  );
});

test("one that cannot be settled stays for the next start, and keeps no other from it", async (t) => {
  const { store, context, kinds } = await scene(t);
  const [asked, told]: [string[], string[]] = [[], []];
  const failing: Settler = { kind: PAINT, settle: () => Promise.reject(new Error("no paint")) };
  store.intents.begin(PAINT, "toy-a");
  store.intents.begin(MOVE, "toy-b");
  await settleIntents(context, [failing, settling(MOVE, asked)], told);
  assert.deepEqual([kinds(), asked], [["toy.paint"], ["toy.move toy-b"]]);
  assert.match(told.join("\n"), /^toy-a: "toy\.paint" could not be settled, and is tried again: .*no paint$/);
});

test("a subject that is no id never becomes part of a path", async (t) => {
  for (const subject of ["..", "../toy-a", "", ".", "toy-a/..", "/etc"]) {
    const { store, context, kinds, left } = await scene(t, "toy-a");
    const [asked, told]: [string[], string[]] = [[], []];
    store.intents.begin(MOVE, subject);
    await settleIntents(context, [settling(MOVE, asked)], told);
    assert.deepEqual([asked, kinds(), await left()], [[], ["toy.move"], ["toy-a"]], subject);
    assert.match(told[0] ?? "", /is no id/);
  }
});

test("what was begun with an object whose record does not read waits", async (t) => {
  const { store, context, kinds, left } = await scene(t, "toy-bear");
  const [asked, told]: [string[], string[]] = [[], []];
  store.toys.insert(newToy("bear"));
  store.toys.insert(newToy("wolf"));
  store.intents.begin(MOVE, "toy-bear");
  store.intents.begin(PAINT, "toy-wolf");
  store.database.exec("UPDATE toys SET document = '{' WHERE id = 'toy-bear'");
  await settleIntents(context, [settling(MOVE, asked), settling(PAINT, asked)], told);
  assert.deepEqual([asked, kinds(), await left()], [["toy.paint toy-wolf"], ["toy.move"], ["toy-bear"]]);
  assert.match(told.join("\n"), /^toy-bear: "toy\.move" was begun with it; that waits/);
});

test("a start looks back at all nouns, settles, and then tidies all, with what does not read told first", async (t) => {
  const { store, context } = await scene(t);
  store.toys.insert(newToy("bear"));
  store.database.exec("UPDATE toys SET document = '{'");
  store.intents.begin(MOVE, "toy-a");
  const layout = { workDir: context.workDir } as Parameters<typeof recover>[0]["layout"];
  await mkdir(layout.workDir, { recursive: true });
  const noun = (name: string) => ({
    lookBack: async (told: string[]) => void told.push(`${name} looks back`),
    settlers: name === "a" ? [settling(MOVE, [], "settled")] : [],
    tidy: async (told: string[]) => void told.push(`${name} tidies`),
  });
  const told = await recover({ ...context, store: store as never, layout }, [noun("a"), {}, noun("b")]);
  assert.match(told.shift() ?? "", /^toy-bear: its record cannot be read.*bear and its files are left alone$/);
  assert.deepEqual(told, ["a looks back", "b looks back", "settled", "a tidies", "b tidies"]);
});
