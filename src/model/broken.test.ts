import assert from "node:assert/strict";
import { test } from "node:test";
import { isBroken, isWhole, viewBroken } from "./broken.ts";

test("what does not read is told from what does", () => {
  const broken = viewBroken({ id: "vm-1", name: "a", why: "no spec" });
  assert.deepEqual(broken, { id: "vm-1", name: "a", state: "broken", why: "no spec" });
  const all = [broken, { id: "vm-2", state: "running" }, { id: "img-1" }];
  assert.deepEqual(all.filter(isBroken), [broken]);
  assert.deepEqual(all.filter(isWhole), all.slice(1));
});
