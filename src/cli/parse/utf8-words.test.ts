import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { checkUtf8 } from "./utf8-words.ts";

const MAIN = join(import.meta.dirname, "../main.ts");

test("words that were given in other bytes are refused, and those that look like it are not", () => {
  const words = ["rm", "a\u{FFFD}"];
  assert.throws(() => checkUtf8(words, () => Buffer.from("rm\0a\xff\0", "latin1")), { code: "BAD_USAGE" });
  checkUtf8(words, () => Buffer.from("rm\0a\u{FFFD}\0", "utf8"));
  checkUtf8(["rm", "ä"], () => assert.fail("nobody looks"));
});

test("banger changes no argument silently", () => {
  const script = 'exec "$1" "$2" vm exec demo -- rm "$(printf "a\\377")"';
  const { status, stderr } = spawnSync("sh", ["-c", script, "sh", process.execPath, MAIN], { encoding: "utf8" });
  assert.equal(status, 125, stderr);
  assert.match(stderr, /error\[BAD_USAGE\]: "a\u{FFFD}" is not UTF-8 as it was given/u);
});
