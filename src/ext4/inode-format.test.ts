import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeDevice, encodeTime } from "./inode-format.ts";

/** As Linux reads it: ext4_decode_extra_time. */
function decodeTime({ low, extra }: { low: number; extra: number }): { seconds: number; nanoseconds: number } {
  return { seconds: low + (extra & 3) * 2 ** 32, nanoseconds: extra >>> 2 };
}

test("times between 1901 and 2446 come back as they were", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 31), max: 2 ** 34 - 2 ** 31 - 1 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (seconds, nanoseconds) => {
        assert.deepEqual(decodeTime(encodeTime(seconds, nanoseconds)), { seconds, nanoseconds });
      },
    ),
  );
});

test("times beyond are the first and the last there are", () => {
  assert.deepEqual(decodeTime(encodeTime(-(2 ** 40), 5)), { seconds: -(2 ** 31), nanoseconds: 0 });
  const last = { seconds: 2 ** 34 - 2 ** 31 - 1, nanoseconds: 999_999_999 };
  assert.deepEqual(decodeTime(encodeTime(2 ** 52, 0)), last);
});

test("devices come back as they were, from the old encoding and the new", () => {
  fc.assert(
    fc.property(fc.nat(4095), fc.nat(2 ** 20 - 1), (major, minor) => {
      const iBlock = encodeDevice(major, minor);
      const [old, now] = [iBlock.readUInt32LE(0), iBlock.readUInt32LE(4)];
      // Linux: old_decode_dev and new_decode_dev (include/linux/kdev_t.h).
      const decoded =
        old === 0 ? [(now & 0xfff00) >>> 8, (now & 0xff) | ((now >>> 12) & 0xfff00)] : [(old >>> 8) & 255, old & 255];
      assert.deepEqual(decoded, [major, minor]);
    }),
  );
});
