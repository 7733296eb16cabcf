import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

/**
 * Where a command makes a number, a size or a choice of a word by itself. What a word is belongs to its option
 * (src/cli/parse/option-of.ts, own-option.ts), or to a reader in src/cli/parse: there it is said once, and tested.
 */
function readByHand(text: string): readonly string[] {
  if (!text.includes("export default command({")) return [];
  const numbers = /\b(?:Number|BigInt|(?:Number\.)?parse(?:Int|Float)|parseBytes)\(/g;
  const patterns = /\/(?:\\.|\[[^\]]*\]|[^/\n])+\/[a-z]*\.(?:test|exec)\(/g;
  const own = /type: "string"(?![^}]*\bread\b)/g;
  return [numbers, patterns, own].flatMap((pattern) => text.match(pattern) ?? []);
}

test("no command reads the words of its options by hand", () => {
  const sources = globSync("src/cli/**/*.ts", { cwd: ROOT }).filter((path) => !path.endsWith(".test.ts"));
  const texts = sources.map((path) => [path, readFileSync(join(ROOT, path), "utf8")] as const);
  assert.ok(texts.filter(([, text]) => text.includes("export default command({")).length > 40, "they were found");
  assert.deepEqual(
    texts.flatMap(([path, text]) => readByHand(text).map((found) => `${path}: ${found}`)),
    [],
  );
});

test("its judge finds what does, and lets pass what does not", () => {
  const found = (text: string): number => readByHand(`export default command({});\n${text}`).length;
  assert.equal(found("const lines = Number(text);"), 1);
  assert.equal(found("Number.parseInt(text, 10) + parseFloat(text)"), 2);
  assert.equal(found("const size = parseBytes(options.size);"), 1);
  assert.equal(found("if (/^\\d{1,15}$/.test(text)) return; if (!/[/]x/i.exec(text)) throw text;"), 2);
  assert.equal(found('options: { a: { type: "string", value: "N", help: "" } }'), 1);
  assert.equal(found('options: { a: { type: "string", value: "N", help: "", read: parseCopy } }'), 0);
  assert.equal(found('options: { a: ownOption({ kind: "number", help: "" }) }'), 0);
  assert.equal(found("const numbers = words.map(parseForwardPort); a / b / c.test(1)"), 0);
  assert.equal(readByHand("const lines = Number(text);").length, 0);
});
