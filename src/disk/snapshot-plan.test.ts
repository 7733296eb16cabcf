import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, gib, mib } from "../lib/bytes.ts";
import { planSnapshot, storeBytes, tableLine } from "./snapshot-plan.ts";

const disk = {
  vmId: "vm-1",
  diskId: "root",
  base: { path: "/images/root fs", sizeBytes: mib(4) },
  store: "/vms/vm-1/root",
  sizeBytes: mib(4),
};
const devices = new Map([
  ["base", "/dev/loop5"],
  ["store", "/dev/loop6"],
  ["grown-base", "/dev/dm-7"],
] as const);

test("a snapshot lies over its base, kept for good, in chunks of 4 KiB", () => {
  const [base, store, map, ...rest] = planSnapshot(disk);
  assert.deepEqual(base, { does: "loop", as: "base", path: "/images/root fs", readOnly: true });
  assert.deepEqual(store, { does: "loop", as: "store", path: "/vms/vm-1/root", readOnly: false });
  assert.ok(map?.does === "map");
  assert.equal(map.name, "banger-vm-1-root");
  assert.deepEqual(
    map.table.map((line) => tableLine(line, devices)),
    ["0 8192 snapshot /dev/loop5 /dev/loop6 P 8"],
  );
  assert.deepEqual(rest, [
    { does: "let-go", part: "base" },
    { does: "let-go", part: "store" },
  ]);
});

test("a larger disk reads zeros past the end of its base", () => {
  const maps = planSnapshot({ ...disk, sizeBytes: bytes(mib(6) + 1) }).filter((step) => step.does === "map");
  assert.deepEqual(
    maps.map(({ name, readOnly, table }) => ({ name, readOnly, table: table.map((line) => tableLine(line, devices)) })),
    [
      { name: "banger-vm-1-root-base", readOnly: true, table: ["0 8192 linear /dev/loop5 0", "8192 4097 zero"] },
      {
        name: "banger-vm-1-root",
        readOnly: false,
        table: ["0 12289 snapshot /dev/dm-7 /dev/loop6 P 8"],
      },
    ],
  );
});

test("a store has room for every chunk of its disk, and costs little more than that", () => {
  // One chunk of disk: header, exceptions, 256 chunks; and the area that is cleared ahead.
  assert.equal(storeBytes(bytes(1)), (1 + 2 * 257) * 4096);
  for (const size of [mib(1), gib(8), gib(2048)]) {
    assert.ok(storeBytes(size) >= size + size / 256);
    assert.ok(storeBytes(size) <= size + size / 256 + 3 * mib(1));
  }
});
