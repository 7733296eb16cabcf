import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { instanceFile, instanceFolders, layoutFrom, type Layout } from "../../model/layout.ts";
import { readDescription } from "../descriptions.ts";
import { newToy, toyTable } from "../testing/toys.ts";
import { lookAtState, objectFolders } from "./look-at-state.ts";
import { openState } from "./open-state.ts";

const [A, B] = ["ins-0123456789abcdef", "ins-fedcba9876543210"];
const VM = "vm-0123456789abcdef";

async function newLayout(t: TestContext): Promise<Layout> {
  const home = await mkdtemp(join(tmpdir(), "banger-state-"));
  t.after(() => rm(home, { recursive: true }));
  const layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  for (const folder of Object.values(instanceFolders(layout))) await mkdir(folder, { recursive: true });
  return layout;
}

const described: typeof toyTable = {
  ...toyTable,
  folder: ({ dataDir }) => ({ folder: join(dataDir, "toys"), file: "toy.json" }),
};

/** Opens the state, and says who holds the folders: `+` taken, `-` given back. */
async function open(layout: Layout) {
  const locks: string[] = [];
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const hold = async (): Promise<Disposable> => {
    locks.push("+");
    return { [Symbol.dispose]: () => void locks.push("-") };
  };
  return { ...(await openState(layout, { toys: described }, log, hold)), locks, lines };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

const told = (layout: Layout): Promise<readonly string[]> =>
  Promise.all(Object.values(instanceFolders(layout)).map((folder) => readFile(instanceFile(folder), "utf8")));

test("a new state is given an instance, which every folder and the database say, and keeps it", async (t) => {
  const layout = await newLayout(t);
  const first = await open(layout);
  const { id } = first.store.instance();
  assert.match(id ?? "", /^ins-/);
  assert.equal(first.trouble, undefined);
  assert.deepEqual(await told(layout), [`${id}\n`, `${id}\n`, `${id}\n`]);
  assert.deepEqual(first.locks, ["+"]);
  first.store[Symbol.dispose]();
  assert.deepEqual(first.locks, ["+", "-"]);
  await rm(instanceFile(layout.runDir));
  const again = await open(layout);
  using store = again.store;
  assert.equal(store.instance().id, id);
  assert.deepEqual(await told(layout), [`${id}\n`, `${id}\n`, `${id}\n`], "a run folder that is new is told");
  assert.deepEqual(again.lines, []);
});

test("a state that cannot be used is opened by nobody, and stays as it is", async (t) => {
  const layout = await newLayout(t);
  await write(join(layout.vmsDir, VM, "root.img"), "dear");
  const { store, trouble, locks } = await open(layout);
  using _store = store;
  assert.equal(trouble?.code, "STATE_MISMATCH");
  assert.deepEqual(locks, ["+", "-"], "the locks are given back");
  assert.equal(lookAtState(layout).database.is, "absent");
  assert.deepEqual(store.toys.list(), []);
});

test("a folder that cannot be told whose it is keeps no state from opening, and is told of", async (t) => {
  const layout = await newLayout(t);
  await rm(layout.runDir, { recursive: true });
  await write(layout.runDir, "a file in its place");
  const { store, trouble, lines } = await open(layout);
  using _store = store;
  assert.equal(trouble, undefined);
  assert.match(lines.join(""), /could not be told whose it is/);
});

test("what each folder says of its instance is read, and what is damaged says nothing", async (t) => {
  const layout = await newLayout(t);
  await write(instanceFile(layout.stateDir), `${A}\n`);
  await write(instanceFile(layout.dataDir), ` ${B} `);
  await write(instanceFile(layout.runDir), "../..");
  assert.deepEqual(lookAtState(layout).instances, { state: A, data: B, run: undefined });
  await write(instanceFile(layout.dataDir), `${B}${" ".repeat(2000)}`);
  assert.equal(lookAtState(layout).instances.data, undefined);
});

test("VMs that run are those that have an id and something in the run folder", async (t) => {
  const layout = await newLayout(t);
  for (const name of [VM, "vm-short", `${VM}x`, `x${VM}`, "bangerd.sock", "img-0123456789abcdef"])
    await mkdir(join(layout.runDir, name));
  assert.deepEqual(lookAtState(layout).runVms, [VM]);
});

test("an object's folder is one of its id that holds something, with what it says of its age", async (t) => {
  const layout = await newLayout(t);
  const ids = ["vm-0", "vm-1", "vm-2", "vm-3"];
  const [plain = "", telling = "", damaged = "", link = ""] = ids.map((id) => join(layout.vmsDir, id));
  await write(join(plain, "root.img"), "");
  await write(join(telling, "vm.json"), JSON.stringify({ banger: 1, instance: A, revision: 7, object: {} }));
  await write(join(damaged, "vm.json"), "{");
  await symlink(telling, link);
  await mkdir(join(layout.vmsDir, "vm-4"));
  await write(join(layout.vmsDir, "vm-5"), "a file");
  await write(join(layout.vmsDir, "Not An Id", "root.img"), "");
  assert.deepEqual(
    objectFolders(layout, "vms").toSorted((a, b) => a.id.localeCompare(b.id)),
    [
      { table: "vms", id: "vm-0", path: plain },
      { table: "vms", id: "vm-1", path: telling, revision: 7 },
      { table: "vms", id: "vm-2", path: damaged },
    ],
  );
  assert.deepEqual(lookAtState(layout).objects.length, 3);
});

test("what a folder should say of its object and does not is written when the state is opened", async (t) => {
  const layout = await newLayout(t);
  const path = join(layout.dataDir, "toys/toy-bear/toy.json");
  {
    using store = (await open(layout)).store;
    store.toys.insert(newToy("bear"));
  }
  await rm(path);
  using _store = (await open(layout)).store;
  assert.deepEqual(readDescription(path).object, newToy("bear"));
});
