import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textLines } from "./text-lines.ts";

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

test("cuts lines wherever the chunks end", async () => {
  const line = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => !text.includes("\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
      assert.deepEqual(await collect(textLines(chunksOf(lines.join("\n"), size), 1_000)), lines);
    }),
  );
});

test("refuses a line that is too long, ended or not", async () => {
  for (const text of ["123456789", "123456789\n"]) {
    await assert.rejects(collect(textLines(chunksOf(text, 4), 8)), { code: "DAEMON_UNREACHABLE" });
  }
  assert.deepEqual(await collect(textLines(chunksOf("12345678\n\n12345678", 4), 8)), ["12345678", "12345678"]);
});
