import assert from "node:assert/strict";
import { test } from "node:test";
import { checkName, objectNameSchema, vmNameSchema } from "./names.ts";

const isVmName = (name: string): boolean => vmNameSchema.safeParse(name).success;
const isObjectName = (name: string): boolean => objectNameSchema.safeParse(name).success;
const ID = "0123456789abcdef";

test("a VM's name is a DNS label: what else a shell, a path or a host would read is none", () => {
  for (const name of ["a", "0", "web-1", "a--b", "a".repeat(63)]) assert.ok(isVmName(name), name);
  const none = [
    "",
    "-",
    "-a",
    "a-",
    "a".repeat(64),
    ".",
    "..",
    "a.b",
    "a_b",
    "A",
    "a b",
    "a/b",
    "a\n",
    "\na",
    "é",
    "a\0",
  ];
  for (const name of none) assert.ok(!isVmName(name), JSON.stringify(name));
});

test("kernels and images have dots and underscores inside too, and never `..`", () => {
  for (const name of ["a", "debian-12.5", "a_b", "a.b.c", "a-_.-b", "a".repeat(128)])
    assert.ok(isObjectName(name), name);
  const dots = ["..", ".", "a..b", "a...b", "a.b..c", "..a", "a.."];
  const none = [...dots, "", ".a", "a.", "_a", "a_", "-a", "a-", "A", "a/b", "a b", "a\n", "a".repeat(129)];
  for (const name of none) assert.ok(!isObjectName(name), JSON.stringify(name));
});

test("no name looks like an id of a VM, an image or a kernel; what is longer, shorter or of others may be one", () => {
  for (const is of [isVmName, isObjectName]) {
    for (const noun of ["vm", "img", "krn"]) {
      assert.ok(!is(`${noun}-${ID}`), noun);
      for (const name of [`${noun}-${ID}0`, `${noun}-${ID.slice(1)}`, `${noun}x-${ID}`, `x${noun}-${ID}`, noun])
        assert.ok(is(name), name);
    }
    assert.ok(is(`op-${ID}`));
  }
});

test("a name that is refused is told with all that is wrong with it", () => {
  assert.equal(checkName(objectNameSchema, "an image", "debian-12"), "debian-12");
  assert.throws(() => checkName(objectNameSchema, "an image", ".."), {
    code: "NAME_INVALID",
    what: '".." cannot name an image',
    why: /begin and end with a letter or digit; .*hold `\.\.`/,
  });
});
