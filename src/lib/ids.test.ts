import assert from "node:assert/strict";
import { test } from "node:test";
import { isId, newId } from "./ids.ts";

test("an id is its noun and 16 characters of 32, and no two are alike", () => {
  const made = Array.from({ length: 200 }, () => newId("vm"));
  for (const id of made) assert.match(id, /^vm-[0-9a-hjkmnp-tv-z]{16}$/);
  assert.ok(made.every(isId));
  assert.equal(new Set(made).size, made.length);
  assert.equal(new Set(made.join("").replaceAll("vm-", "")).size, 32, "every character of the alphabet comes up");
});

test("nothing that leads elsewhere in a path is an id", () => {
  for (const id of ["vm-0", "img-a-b", "toys-x", `vm-${"0".repeat(40)}`]) assert.ok(isId(id), id);
  const none = [
    "",
    ".",
    "..",
    "vm",
    "vm-",
    "-0",
    "v-0",
    "toyss-0",
    "VM-0",
    "vm-A",
    "vm-.",
    "vm-..",
    "vm-0/..",
    "../vm-0",
    "/vm-0",
  ];
  for (const id of [...none, "vm-0\n", "\nvm-0", "vm_0", "vm-0\0", `vm-${"0".repeat(41)}`])
    assert.ok(!isId(id), JSON.stringify(id));
});
