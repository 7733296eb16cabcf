import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, property, string } from "fast-check";
import { planUserNetwork } from "./user-network.ts";

test("a VM keeps its address, and two VMs have two", () => {
  assert.deepEqual(planUserNetwork("vm-a"), planUserNetwork("vm-a"));
  assert.notEqual(planUserNetwork("vm-a").mac, planUserNetwork("vm-b").mac);
});

test("every address is unicast and locally administered", () => {
  check(
    property(string(), (id) => {
      const { mac } = planUserNetwork(id);
      assert.match(mac, /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
      assert.equal(Number.parseInt(mac.slice(0, 2), 16) & 0b11, 0b10);
    }),
  );
});
