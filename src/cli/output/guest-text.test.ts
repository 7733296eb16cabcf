import assert from "node:assert/strict";
import { test } from "node:test";
import { safeForTerminal } from "./guest-text.ts";

async function shown(...pieces: readonly string[]): Promise<string> {
  let text = "";
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece, "latin1");
  }
  for await (const piece of safeForTerminal(source())) text += piece;
  return text;
}

test("text, line ends, tabs and colours pass, and colours end with it", async () => {
  assert.equal(
    await shown("[  \x1b[0;32mOK\x1b[0m  ] a\tb\r\nnext\n"),
    "[  \x1b[0;32mOK\x1b[0m  ] a\tb\r\nnext\n\x1b[0m",
  );
  assert.equal(await shown("plain\n"), "plain\n");
});

test("what a terminal acts on is shown", async () => {
  assert.equal(
    await shown("\x1b]0;title\x07\x1b[2J\x1b[6n\x1bc\rroot#\x9b1m\x08"),
    "\\x1b]0;title\\x07\\x1b[2J\\x1b[6n\\x1bc\\x0droot#\ufffd1m\\x08",
  );
  assert.equal(await shown(Buffer.from("a\u202eb\u009bm").toString("latin1")), "a\\u202eb\\x9bm");
});

test("sequences and characters that come in pieces are whole", async () => {
  assert.equal(await shown("\x1b", "[3", "1m", "red", "\r", "\n"), "\x1b[31mred\r\n\x1b[0m");
  assert.equal(await shown("\x1b", "[", "2J", "\xc3", "\xa4"), "\\x1b[2J\u00e4");
  assert.equal(await shown("cut off \x1b[3"), "cut off \\x1b[3");
  assert.equal(await shown(`\x1b[${"1;".repeat(60)}m`), `\\x1b[${"1;".repeat(60)}m`);
});
