import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { displayName, parseDisplayName } from "./byte-string.ts";

const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

test("what can be shown is shown, what a terminal would act on is not", () => {
  assert.equal(displayName(bytes("/etc/café/日本")), "/etc/café/日本");
  assert.equal(displayName(bytes("\u001b]0;title\u0007")), String.raw`\x1b]0;title\x07`);
  assert.equal(displayName(bytes("\u009b31m")), String.raw`\xc2\x9b31m`, "C1 acts as well");
  assert.equal(displayName(bytes("a\u202egnp.exe")), String.raw`a\xe2\x80\xaegnp.exe`, "nor does it turn round");
  assert.equal(displayName(bytes("a\u2028b\u200bc\ufeff")), String.raw`a\xe2\x80\xa8b\xe2\x80\x8bc\xef\xbb\xbf`);
  assert.equal(displayName("\xff\xfename"), String.raw`\xff\xfename`);
  assert.equal(displayName("back\\slash\n"), String.raw`back\\slash\x0a`);
});

test("any name reads back as the bytes that it was, and none shows a control character", () => {
  const name = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data).toString("latin1")),
    fc.string({ unit: "binary", maxLength: 40 }).map(bytes),
    fc
      .string({ unit: fc.constantFrom("\\", "x", "4", "1", "\u001b", "\u009b", "é", "\ufffd"), maxLength: 20 })
      .map(bytes),
  );
  fc.assert(
    fc.property(name, (raw) => {
      const shown = displayName(raw);
      assert.equal(parseDisplayName(shown), raw);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
  );
});

test("a path as a user types it: only what was escaped is taken for an escape", () => {
  assert.equal(parseDisplayName("/etc/passwd"), "/etc/passwd");
  assert.equal(parseDisplayName("/a\\b"), "/a\\b");
  assert.equal(parseDisplayName(String.raw`/\x41\\x41\xzz`), String.raw`/A\x41\xzz`);
  assert.equal(parseDisplayName("/é"), "/\xc3\xa9");
});
