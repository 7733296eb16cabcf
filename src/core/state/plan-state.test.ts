import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import { layoutFrom } from "../../model/layout.ts";
import type { DatabaseSeen } from "../../store/peek-database.ts";
import type { ObjectFolder, StateSeen } from "./look-at-state.ts";
import { planState } from "./plan-state.ts";

const layout = layoutFrom({ HOME: "/h", XDG_RUNTIME_DIR: "/r" });
const A = "ins-aaaaaaaaaaaaaaaa";
const B = "ins-bbbbbbbbbbbbbbbb";
const VM = "vm-0123456789abcdef";

function usable(instance: string | undefined, revision: number, ...vms: readonly string[]): DatabaseSeen {
  return {
    is: "usable",
    instance,
    revision,
    ids: { kernels: new Set(), images: new Set(), volumes: new Set(), vms: new Set(vms) },
  };
}

function folder(id: string, revision?: number): ObjectFolder {
  return { table: "vms", id, path: `/h/${id}`, ...(revision !== undefined && { revision }) };
}

interface Given {
  readonly database?: DatabaseSeen;
  /** What state, data and run folder say. */
  readonly says?: readonly (string | undefined)[];
  readonly objects?: readonly ObjectFolder[];
  readonly runVms?: readonly string[];
}

function plan({ database = { is: "absent" }, says = [], objects = [], runVms = [] }: Given) {
  const [state, data, run] = says;
  const seen: StateSeen = { database, instances: { state, data, run }, objects, runVms };
  return planState(seen, layout);
}

test("what belongs together is taken up, and who says nothing is told", () => {
  assert.deepEqual(plan({}), { tell: ["state", "data", "run"] });
  const settled = { database: usable(A, 7, VM), says: [A, A, A], objects: [folder(VM, 7)] } as const;
  assert.deepEqual(plan(settled), { instance: A, tell: [] });
  assert.deepEqual(plan({ ...settled, says: [A, A] }), { instance: A, tell: ["run"] }, "after a boot of the host");
  assert.deepEqual(plan({ ...settled, says: [A, A, B] }), { instance: A, tell: ["run"] }, "nothing runs in it");
  assert.deepEqual(plan({ ...settled, says: [] }), { instance: A, tell: ["state", "data", "run"] });
  const former = { database: usable(undefined, 0, VM), objects: [folder(VM)] };
  assert.deepEqual(plan(former), { tell: ["state", "data", "run"] }, "of the banger before");
  assert.deepEqual(plan({ says: [undefined, A] }), { instance: A, tell: ["state", "run"] }, "emptied");
  const stranger = folder("vm-ffffffffffffffff");
  assert.deepEqual(plan({ ...settled, objects: [folder(VM, 3), stranger] }), { instance: A, tell: [] });
});

test("what does not belong together is refused", () => {
  const objects = [folder(VM, 5)];
  const refusals: readonly (readonly [string, Given])[] = [
    ["no database", { objects }],
    ["no database", { objects, says: [A, A, A] }],
    ["a database of nothing", { objects, database: usable(undefined, 0) }],
    ["a database of others", { objects, database: usable(undefined, 0, "vm-ffffffffffffffff") }],
    ["a former database beside named data", { objects, says: [A, A], database: usable(undefined, 0, VM) }],
    ["another's database", { objects, says: [A, A], database: usable(B, 9, VM) }],
    ["another's data", { objects, says: [A, B], database: usable(A, 9, VM) }],
    ["another's state folder", { objects, says: [B, A], database: usable(A, 9, VM) }],
    ["a database of former days", { objects, says: [A, A], database: usable(A, 4, VM) }],
    ["other data", { says: [A], database: usable(A, 4, VM) }],
    ["VMs of another that run", { says: [A, A, B], database: usable(A, 4), runVms: ["vm-ffffffffffffffff"] }],
  ];
  for (const [what, given] of refusals) assert.throws(() => plan(given), { code: "STATE_MISMATCH" }, what);
  const error = new BangerError("STATE_CORRUPT", { what: "w", fix: "f" });
  assert.throws(() => plan({ objects, database: { is: "unusable", error } }), error);
});

/** What is refused, in words and for programs. */
function refusal(given: Given): { readonly why: string; readonly data: unknown } {
  try {
    plan(given);
  } catch (error) {
    assert.ok(error instanceof BangerError);
    return { why: error.why ?? "", data: error.data };
  }
  return assert.fail("it was accepted");
}

test("whoever names another instance is said, and who names none is not", () => {
  const objects = [folder(VM, 5)];
  const all = refusal({ objects, says: [A, B], database: usable(A, 9, VM) });
  assert.match(all.why, /^the database .* is of ins-a+, its folder .* is of ins-a+, the data in .* is of ins-b+$/);
  assert.deepEqual(all.data, { database: A, state: A, data: B });
  const two = refusal({ objects, says: [undefined, B], database: usable(A, 9, VM) });
  assert.match(two.why, /^the database .* is of ins-a+, the data in .* is of ins-b+$/);
  assert.deepEqual(two.data, { database: A, state: null, data: B });
  const folders = refusal({ objects, says: [A, B] });
  assert.deepEqual(folders.data, { database: null, state: A, data: B });
  const noData = refusal({ says: [B], database: usable(A, 9, VM) });
  assert.deepEqual(noData.data, { database: A, state: B, data: null });
});

test("folders of others are nobody's concern while there is neither an object nor a row", () => {
  assert.deepEqual(plan({ says: [A, B, A], database: usable(A, 0) }), { instance: A, tell: ["data"] });
  assert.deepEqual(plan({ says: [A, B] }), { instance: B, tell: ["state", "run"] });
});

test("data without its database is counted by its kinds, with why the database is not its own", () => {
  const image = (id: string): ObjectFolder => ({ table: "images", id, path: `/h/${id}` });
  const objects = [folder(VM), folder("vm-1"), image("img-1")];
  const none = refusal({ objects });
  assert.match(none.why, /^\/h\S+ holds 2 VMs, 1 image, and there is no database in /);
  assert.deepEqual(none.data, { objects: 3 });
  assert.match(refusal({ objects, database: usable(undefined, 0) }).why, / knows none of them$/);
  for (const says of [[A], [undefined, A]]) {
    const { why } = refusal({ objects, says, database: usable(undefined, 0, VM) });
    assert.match(why, / does not say that it belongs to it$/);
  }
  assert.deepEqual(plan({ objects, database: usable(undefined, 0, VM) }).tell.length, 3, "one that it knows is enough");
});

test("the newest change that the database does not know is told", () => {
  const given = { objects: [folder(VM, 5), folder("vm-1", 9), folder("vm-2")], says: [A, A] };
  const { why, data } = refusal({ ...given, database: usable(A, 4, VM) });
  assert.match(why, /^2 VMs in /);
  assert.deepEqual(data, { revision: 4, newest: 9 });
  assert.equal(plan({ ...given, database: usable(A, 9, VM) }).instance, A);
});

test("a data folder that says nothing is the state's own where the database knows something in it", () => {
  const database = usable(A, 4, VM);
  assert.equal(plan({ database, says: [A], objects: [folder("vm-1"), folder(VM)] }).instance, A);
  assert.match(refusal({ database, says: [A], objects: [folder("vm-1")] }).why, /holds nothing that the database/);
  assert.equal(plan({ database: usable(A, 4), says: [A], objects: [folder("vm-1")] }).instance, A, "it knows nothing");
  assert.equal(plan({ database, says: [A, A], objects: [folder("vm-1")] }).instance, A, "it says whose it is");
});

test("a run folder of others is theirs only while VMs run in it", () => {
  const given = { database: usable(A, 4), says: [A, A, B], runVms: [VM] };
  assert.deepEqual(refusal(given).data, { run: B, instance: A });
  assert.deepEqual(refusal({ says: [undefined, undefined, B], runVms: [VM] }).data, { run: B, instance: null });
  assert.equal(plan({ ...given, says: [A, A, A] }).instance, A);
  assert.deepEqual(plan({ ...given, says: [A, A] }).tell, ["run"], "one that says nothing is taken");
});
