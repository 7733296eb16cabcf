import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
/** Whatever an error of the API may come from. */
const BELOW_THE_CLI = "src/{services,nouns,net,core,vmm,disk,api,daemon}/**/*.ts";

/**
 * Where an error speaks of an option of ours, though whoever asked over HTTP has none: a field of the request is called by
 * its name (src/model/fields/about-fields.ts). A whole command line, `banger vm stop --force x`, is one for everybody.
 */
function optionsIn(text: string): readonly string[] {
  const texts = text.matchAll(/\b(?:what|why|fix): ?\n?\s*(?:\w+[^"`\n]*\?\s*)?("[^"\n]*"|`(?:[^`\\]|\\.)*`)/g);
  return [...texts]
    .map(([, words = ""]) => words.replace(/\\?`banger [^`]*`/g, "").replace(/: banger .*$/, ""))
    .filter((words) => /(?:^|[\s"'`(])--[a-z]/.test(words));
}

/** What another program is called with. */
const OTHERS = /truncate --size|cp --sparse|\$\{script\} --help|--version printed|\$\{verb\} --force/;

test("no error of the API speaks of options", () => {
  const paths = globSync(BELOW_THE_CLI, { cwd: ROOT }).filter((path) => !path.endsWith(".test.ts"));
  assert.ok(paths.length > 100, "the sources were found");
  const found = paths.flatMap((path) =>
    optionsIn(readFileSync(join(ROOT, path), "utf8"))
      .filter((words) => !OTHERS.test(words))
      .map((words) => `${path}: ${words}`),
  );
  assert.deepEqual(found, []);
});

test("its judge finds them, and lets command lines pass", () => {
  assert.equal(optionsIn('fix: "add --nat, or leave it"').length, 1);
  assert.equal(optionsIn("what: `${x}: --allow-vms needs y`").length, 1);
  assert.equal(optionsIn("fix: `take \\`--vmm qemu\\``").length, 1);
  assert.equal(optionsIn("fix: `end it with \\`banger vm stop --force ${name}\\``").length, 0);
  assert.equal(optionsIn("fix: `add \\`nat\\``").length, 0);
});
