import assert from "node:assert/strict";
import { test } from "node:test";
import { readyCheck, readyChecksSchema } from "./ready-check.ts";

const takes = (...checks: readonly string[]): boolean => readyChecksSchema.safeParse(checks).success;

test("a check is a port that there can be, or a command", () => {
  for (const check of ["port:1", "port:22", "port:65535", "cmd:true", "cmd:a\nb", "cmd:port:0"])
    assert.ok(takes(check), check);
  const none = ["", "port:", "port:0", "port:65536", "port:99999", "port:100000", "port:-1", "port:1x", "port:a"];
  for (const check of [...none, " port:1", "xport:1", "cmd:", "xcmd:a", "true", "http:80"])
    assert.ok(!takes(check), check);
});

test("checks are bounded, in number and in length", () => {
  assert.ok(takes(...Array<string>(20).fill("port:1")));
  assert.ok(!takes(...Array<string>(21).fill("port:1")));
  assert.ok(takes(`cmd:${"x".repeat(996)}`));
  assert.ok(!takes(`cmd:${"x".repeat(997)}`));
});

test("a check is read as what it is", () => {
  assert.deepEqual(readyCheck("port:8080"), { kind: "port", port: 8080 });
  assert.deepEqual(readyCheck("cmd:curl -f localhost"), { kind: "cmd", command: "curl -f localhost" });
  assert.deepEqual(readyCheck("cmd:port:1"), { kind: "cmd", command: "port:1" });
});
