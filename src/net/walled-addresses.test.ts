import assert from "node:assert/strict";
import { test } from "node:test";
import { isLinkLocal } from "../lib/address-guard.ts";
import { WALLED_ADDRESSES } from "./walled-addresses.ts";

test("what guests are kept from, no server leads banger itself to either", () => {
  for (const block of WALLED_ADDRESSES) assert.ok(isLinkLocal(block.split("/")[0] ?? ""), block);
});
