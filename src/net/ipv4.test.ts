import assert from "node:assert/strict";
import { test } from "node:test";
import { blockSize, formatAddress, overlap, parseBlock, type Block } from "./ipv4.ts";
import { macOf } from "./mac-address.ts";

const block = (text: string): Block => parseBlock(text) ?? assert.fail(text);

test("one address is a block of one; bits behind the prefix are dropped", () => {
  assert.deepEqual(parseBlock("10.0.0.1"), { first: 0x0a000001, prefixLength: 32 });
  assert.equal(blockSize(block("10.0.0.1")), 1);
  assert.deepEqual(parseBlock("192.168.255.255/20"), { first: 0xc0a8f000, prefixLength: 20 });
  assert.deepEqual(parseBlock("255.1.2.3/0"), { first: 0, prefixLength: 0 });
  assert.equal(formatAddress(0xc0a8f0ff), "192.168.240.255");
});

test("what is no block is told from one", () => {
  for (const text of ["10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/1.5", "10.0.0.0/008", "10.0.0.0/+8", "10.0.0.0/1x"])
    assert.equal(parseBlock(text), undefined, text);
  for (const text of ["10.0.0.0/x1", "10.0.0.256/8", "a/8", "/8", "10.0.0.0/32/"])
    assert.equal(parseBlock(text), undefined, text);
});

test("blocks overlap where one lies in the other, and not where they touch", () => {
  for (const [a, b, does] of [
    ["10.0.0.0/8", "10.213.0.0/16", true],
    ["10.0.0.0/30", "10.0.0.3", true],
    ["10.0.0.0/30", "10.0.0.4/30", false],
    ["10.0.0.4", "10.0.0.4", true],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["10.0.0.0/24", "10.0.1.0/24", false],
  ] as const) {
    assert.equal(overlap(block(a), block(b)), does, `${a} ${b}`);
    assert.equal(overlap(block(b), block(a)), does, `${b} ${a}`);
  }
});

test("a VM's MAC address is its own, for good, and no maker's", () => {
  const mac = macOf("vm-a");
  assert.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/, "administered locally, of one station");
  assert.equal(macOf("vm-a"), mac);
  assert.equal(new Set(Array.from({ length: 64 }, (_, n) => macOf(`vm-${n}`))).size, 64);
  for (let n = 0; n < 64; n += 1) assert.match(macOf(`vm-${n}`), /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
});
