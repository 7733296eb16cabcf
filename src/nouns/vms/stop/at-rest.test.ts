import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vm } from "../../../model/vm.ts";
import { changed } from "../../../core/steps.ts";
import { atRest } from "./at-rest.ts";

test("a VM at rest names no process, and keeps what it will be again", () => {
  const network = { mode: "tap", device: "tap0", via: "slirp4netns", mtu: 1500 } as const;
  const service = { state: "running", pid: 9, restarts: 2, since: "2026-01-02T03:04:05.000Z" } as const;
  const vm = {
    name: "box",
    machine: { pid: 7 },
    network: { ...network, processes: [{ pid: 8, startTicks: 1 }] },
    service,
  } as unknown as Vm;
  const { service: told, ...rest } = changed(vm, atRest(vm), undefined);
  assert.deepEqual(rest, { name: "box", network });
  assert.deepEqual([told?.state, told?.pid, told?.restarts], ["stopped", undefined, 2]);
  assert.deepEqual(atRest({ ...vm, network: { mode: "none" } }).network, { mode: "none" });
});
