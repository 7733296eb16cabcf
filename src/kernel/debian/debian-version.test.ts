import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import * as fc from "fast-check";
import { compareDebianVersions } from "./debian-version.ts";

const hasDpkg = spawnSync("dpkg", ["--version"]).status === 0;

test("orders kernel versions", () => {
  const ordered = ["5.10.0-1", "6.1.4-1~bpo", "6.1.4-1", "6.1.99-1", "6.1.176-1", "6.1.192-2", "6.12.1-1", "1:2.0-1"];
  assert.deepEqual([...ordered].reverse().sort(compareDebianVersions), ordered);
});

test("knows numbers that no double holds", () => {
  assert.ok(compareDebianVersions("0~20260101123456789012", "0~20260101123456789013") < 0);
  assert.equal(compareDebianVersions("1.007", "1.7"), 0);
});

const part = fc.string({
  unit: fc.constantFrom("0", "0", "1", "9", ".", "+", "~", "a", "Z", "b"),
  minLength: 0,
  maxLength: 6,
});
// Few letters, so that versions share beginnings: what differs late is what is hard.
const version = fc
  .tuple(fc.constantFrom("", "0:", "1:", "12:"), part, fc.option(part.filter((text) => text !== "")))
  .map(([epoch, upstream, revision]) => `${epoch}0${upstream}${revision === null ? "" : `-${revision}`}`);

test("agrees with dpkg", { skip: hasDpkg ? false : "no dpkg here to agree with" }, () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const ours = compareDebianVersions(a, b);
      const relation = ours < 0 ? "lt" : ours > 0 ? "gt" : "eq";
      assert.equal(spawnSync("dpkg", ["--compare-versions", a, relation, b]).status, 0, `${a} ${relation} ${b}`);
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 150) },
  );
});

test("is an order: turned around, it turns its sign", () => {
  fc.assert(
    fc.property(version, version, (a, b) =>
      Object.is(Math.sign(compareDebianVersions(a, b)) + Math.sign(compareDebianVersions(b, a)), 0),
    ),
  );
});
