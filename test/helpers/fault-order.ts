import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import type { Client } from "../../src/client/client.ts";
import { namesIn } from "../../src/lib/names-in.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { aliasOwner, instanceOf } from "../../src/net/host/device.ts";
import { hostLinks } from "../../src/net/host/host-facts.ts";
import type { TestHost } from "./test-host.ts";

/** States in which a VM may be when nobody does anything with it. */
const AT_REST = ["running", "paused", "stopped", "failed"];
const ALIVE = ["running", "paused"];

/**
 * Asserts that a host is in order after a daemon that died: nothing is lost, and nothing is left. Neither open intents nor
 * work in progress, no VM between two states, and neither VMM nor network of a VM that does not run.
 *
 * @param said what came before, for whoever reads of the failure.
 */
export async function checkOrder(host: TestHost, daemon: Client, said: string): Promise<void> {
  const layout = layoutFrom(host.env);
  const { recovered } = await daemon.call("daemonStatus", {});
  assert.ok(!recovered.some((line) => line.includes("could not be")), `${said}: ${recovered.join("; ")}`);
  assert.deepEqual(await daemon.call("systemOrphans", {}), [], said);
  assert.deepEqual(namesIn(layout.workDir), [], said);
  assert.deepEqual(openIntents(layout.database), [], `${said}: intents that are still open`);
  assert.deepEqual(
    namesIn(layout.stateDir).filter((name) => name.includes(".new-")),
    [],
    `${said}: a database that was being made`,
  );
  const vms = await daemon.call("vmList", {});
  const running = new Map<string, number>();
  for (const vm of vms) {
    const pid = vm.state === "broken" ? undefined : (vm.pid ?? undefined);
    assert.ok(AT_REST.includes(vm.state), `${said}: ${vm.name} is ${vm.state}`);
    assert.equal(pid !== undefined, ALIVE.includes(vm.state), `${said}: ${vm.name} is ${vm.state} with pid ${pid}`);
    if (pid !== undefined) running.set(vm.id, pid);
  }
  const pids = new Set(running.values());
  for (const pid of await host.processes()) {
    if (await isVmm(pid)) assert.ok(pids.has(pid), `${said}: a VMM is left, pid ${pid}`);
  }
  const instance = instanceOf(layout.stateDir);
  for (const { name, alias = "" } of await hostLinks()) {
    const owner = aliasOwner(instance, alias);
    assert.ok(owner === undefined || running.has(owner), `${said}: ${owner} has left the device ${name}`);
  }
}

async function isVmm(pid: number): Promise<boolean> {
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return words[0]?.includes("qemu-system") === true;
}

function openIntents(database: string): readonly unknown[] {
  using opened = new DatabaseSync(database, { readOnly: true });
  return opened.prepare("SELECT kind, subject FROM intents").all();
}
