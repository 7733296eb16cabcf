import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { putRow } from "../../../core/testing/put-row.ts";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { attendGuest } from "./attend-guest.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { hasHalted } from "./watch-halt.ts";

const FIRST = "01234567-89ab-cdef-0123-456789abcdef";
const SECOND = "76543210-89ab-cdef-0123-456789abcdef";

test(
  "a guest that boots another kernel in its machine, or whose agent starts again, is told anew who it is",
  { timeout: 30_000 },
  async (t) => {
    const { context, vm } = await vmScene(t);
    Object.assign(context, { config: { ssh: {}, vm: {} }, log: { ...context.log, child: () => context.log } });
    putRow(context.store, "vms", { ...vm, bootId: FIRST });
    const named: string[] = [];
    let bootId = FIRST;
    let configured = true;
    const connect = async (): Promise<AgentClient> =>
      ({
        closed: false,
        keepStill() {},
        close() {},
        info: async () => ({ abilities: ["clock", "reboot", "world"], bootId, configured }),
        adjustClock: async () => ({ wallClockMs: Date.now(), ratePpb: 0, keptByGuest: false }),
        configure: async ({ hostname }: { hostname: string }) => {
          named.push(`${bootId} ${hostname}`);
          return [];
        },
        setWorld: async () => {
          named.push(`${bootId} world`);
          return [];
        },
      }) as unknown as AgentClient;
    const first = machineOf(vm, {}, connect);
    context.live.set(VM_ID, first.live);
    attendGuest(context, VM_ID, first.live);
    while (first.live.guest === undefined) await turn();
    assert.ok(first.live.guest.abilities.has("reboot"));
    assert.deepEqual(named, [], "it is the boot that was introduced at its start");
    await first.live.close();

    bootId = SECOND;
    const second = machineOf(vm, {}, connect);
    context.live.set(VM_ID, second.live);
    attendGuest(context, VM_ID, second.live);
    while (second.live.guest === undefined) await turn();
    assert.deepEqual(named, [`${SECOND} box`, `${SECOND} world`]);
    const { bootId: kept, reboots } = context.store.vms.get(VM_ID);
    assert.deepEqual([kept, reboots?.count], [SECOND, 1]);
    await second.live.close();

    named.length = 0;
    configured = false;
    const third = machineOf(vm, {}, connect);
    context.live.set(VM_ID, third.live);
    attendGuest(context, VM_ID, third.live);
    while (third.live.guest === undefined) await turn();
    assert.deepEqual(named, [`${SECOND} box`, `${SECOND} world`], "its agent has started again");
    assert.equal(context.store.vms.get(VM_ID).reboots?.count, 1, "which is no reboot");
    await third.live.close();
  },
);

test(
  "a machine whose guest has halted is ended, and one that only tells of it is not",
  { timeout: 30_000 },
  async (t) => {
    const { context, vm } = await vmScene(t);
    Object.assign(context, { log: { ...context.log, child: () => context.log } });
    const consoleLog = vm.machine?.consoleLog ?? "";
    await writeFile(consoleLog, "[    1.0] reboot: System halted\r\nan old log, shown by a guest that lives\r\n");
    const killed = Promise.withResolvers<void>();
    const { live } = machineOf(vm, { kill: async () => killed.resolve() });
    context.live.set(VM_ID, live);
    attendGuest(context, VM_ID, live);
    await turn();
    assert.equal(live.halted, undefined);
    await writeFile(consoleLog, "[   99.0] reboot: System halted\r\n");
    await killed.promise;
    assert.equal(live.halted, true);
    await live.close();
  },
);

test("only the kernel's own last line counts", () => {
  assert.ok(hasHalted("x\r\n[    9.123456] reboot: System halted\r\n"));
  assert.ok(hasHalted("reboot: System halted"));
  assert.ok(hasHalted("[    8.431912] reboot: Power off not available: System halted instead\r\n"));
  assert.ok(!hasHalted("reboot: Power off not available: System halted instead\nlogin: "));
  assert.ok(!hasHalted("reboot: System halted\nlogin: "));
  assert.ok(!hasHalted("kernel says: reboot: System halted"));
  assert.ok(!hasHalted(""));
});
