import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDeb822, words } from "./deb822.ts";

const parse = (text: string): object[] => parseDeb822(text).map((stanza) => Object.fromEntries(stanza));

test("paragraphs are parted by empty lines, however many, and lines end as they may", () => {
  assert.deepEqual(parse("A: 1\nB:2\n\n \n\t\n\nA: 3\r\nC:  4  \r\n\r\n"), [
    { a: "1", b: "2" },
    { a: "3", c: "4" },
  ]);
  assert.deepEqual(parse(""), []);
  assert.deepEqual(parse("\n\n"), []);
});

test("a field goes on in lines that begin with a blank, and a lone dot is an empty one", () => {
  assert.deepEqual(parse("Description: short\n long  \n .\n\tmore\n  deep\nSHA256:\n abc 1 path\n"), [
    { description: "short\nlong\n\nmore\n deep", sha256: "\nabc 1 path" },
  ]);
});

test("comments and what is neither field nor continuation are passed over", () => {
  assert.deepEqual(parse("# a comment\n lost\nA: 1\n#B: 2\n more\nno colon\n: no name\nB: x:y\n"), [
    { a: "1\nmore", b: "x:y" },
  ]);
  assert.deepEqual(parse("A: 1\n\n lost\nB: 2"), [{ a: "1" }, { b: "2" }], "nothing goes on behind an empty line");
});

test("a field's words are parted by any blanks; one that is absent has none", () => {
  const [stanza = assert.fail()] = parseDeb822("Suites:  a  b\n c\nEmpty:");
  assert.deepEqual(words(stanza, "Suites"), ["a", "b", "c"]);
  assert.deepEqual(words(stanza, "empty"), []);
  assert.deepEqual(words(stanza, "other"), []);
});
