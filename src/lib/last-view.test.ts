import assert from "node:assert/strict";
import { test } from "node:test";
import { LastView } from "./last-view.ts";

test("bytes begin at their offset in the view, whichever memory they lie in", () => {
  const views = new LastView();
  const memory = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]);
  const other = Buffer.from(new ArrayBuffer(2)).fill(9);
  const part = memory.subarray(3, 5);
  assert.equal(views.over(part).getUint16(part.byteOffset), 0x0304);
  assert.equal(views.over(part), views.over(memory), "the same memory has one view");
  assert.equal(views.over(other).getUint16(other.byteOffset), 0x0909);
  assert.equal(views.over(part).getUint8(part.byteOffset + 2), 5);
});
