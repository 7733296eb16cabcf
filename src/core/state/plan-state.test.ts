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
  return { is: "usable", instance, revision, ids: { kernels: new Set(), images: new Set(), vms: new Set(vms) } };
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
