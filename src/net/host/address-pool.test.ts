import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, integer, property, record, string } from "fast-check";
import { blockSize, formatAddress, overlap, parseBlock, type Block } from "../ipv4.ts";
import { DEFAULT_RANGES, pickAddresses } from "./address-pool.ts";

const block = (text: string): Block => {
  const parsed = parseBlock(text);
  assert.ok(parsed, text);
  return parsed;
};

test("a VM gets the same addresses again, and keeps those it had", () => {
  const query = { vmId: "vm-a", ranges: DEFAULT_RANGES, taken: [] };
  const first = pickAddresses(query);
  assert.deepEqual(pickAddresses(query), first);
  assert.match(first.address, /^10\.213\.\d+\.\d+\/30$/);
  assert.equal(pickAddresses({ ...query, previous: "10.213.7.6/30" }).address, "10.213.7.6/30");
  assert.equal(pickAddresses({ ...query, previous: "192.168.1.6/30" }).address, first.address, "of no range of ours");
  assert.notEqual(pickAddresses({ ...query, taken: [first.address], previous: first.address }).address, first.address);
});

test("a pair is the gateway and the guest of a block of four", () => {
  assert.deepEqual(pickAddresses({ vmId: "vm-a", ranges: ["10.9.8.4/30"], taken: [] }), {
    address: "10.9.8.6/30",
    gateway: "10.9.8.5",
  });
});

test("what a VM had is had again only as the block that it was", () => {
  const query = { vmId: "vm-a", ranges: ["10.0.0.0/24"], taken: [] };
  const { address } = pickAddresses(query);
  for (const previous of ["10.0.0.2/24", "10.0.0.6", "nonsense", ""])
    assert.equal(pickAddresses({ ...query, previous }).address, address, previous);
});

test("a range that is no block of IPv4 is passed over", () => {
  const { address } = pickAddresses({ vmId: "vm-a", ranges: ["fd00::/64", "x", "10.0.0.0/30"], taken: ["default"] });
  assert.equal(address, "10.0.0.2/30");
  const full = { vmId: "vm-a", ranges: ["10.0.0.0/31"], taken: [] };
  assert.throws(() => pickAddresses(full), { code: "NETWORK_UNAVAILABLE" }, "a range with no room for four");
});

test("what others have is never given, until all is gone", () => {
  const taken: string[] = [];
  for (let n = 0; n < 64; n++) taken.push(pickAddresses({ vmId: `vm-${n}`, ranges: ["10.0.0.0/24"], taken }).address);
  for (const [i, a] of taken.entries())
    for (const b of taken.slice(i + 1)) assert.equal(overlap(block(a), block(b)), false, `${a} and ${b}`);
  assert.throws(() => pickAddresses({ vmId: "vm-x", ranges: ["10.0.0.0/24"], taken }), {
    code: "NETWORK_UNAVAILABLE",
    fix: /nat_range/,
  });
});

test("a range that the host routes is passed over for the next", () => {
  const { address } = pickAddresses({ vmId: "vm-a", ranges: DEFAULT_RANGES, taken: ["10.0.0.0/8", "fe80::/64"] });
  assert.match(address, /^172\.31\./);
});

test("whatever is taken, what is given lies in the range and in nothing taken", () => {
  const ipv4 = integer({ min: 0, max: 2 ** 32 - 1 }).map(formatAddress);
  const routes = array(record({ address: ipv4, length: constantFrom(8, 16, 20, 24, 30, 32) }));
  check(
    property(string(), routes, (vmId, list) => {
      const taken = list.map(({ address, length }) => `${address}/${length}`);
      let given: string;
      try {
        given = pickAddresses({ vmId, ranges: ["10.213.0.0/20"], taken }).address;
      } catch {
        return;
      }
      assert.ok(overlap(block(given), block("10.213.0.0/20")));
      for (const other of taken) assert.equal(overlap(block(given), block(other)), false);
    }),
  );
});

test("blocks are read as they are meant", () => {
  assert.deepEqual(parseBlock("10.1.2.3/8"), { first: 10 * 2 ** 24, prefixLength: 8 });
  assert.equal(blockSize(block("0.0.0.0/0")), 2 ** 32);
  assert.equal(formatAddress(block("255.255.255.255").first), "255.255.255.255");
  for (const text of ["", "10.0.0.0/33", "10.0.0/8", "::1", "10.0.0.0/8/8", "10.0.0.0/x", "default"])
    assert.equal(parseBlock(text), undefined, text);
});
