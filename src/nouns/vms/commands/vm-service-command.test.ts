import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";
import { test } from "node:test";
import { putRow } from "../../../core/testing/put-row.ts";
import { ServiceState } from "../../../guest/gen/banger/agent/v1/agent_pb.ts";
import { lyingAgent } from "../../../guest/testing/lying-agent.ts";
import { vmSchema } from "../../../model/vm.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { followVmService } from "./vm-service-command.ts";

test("a guest that tells of its command without end has it written down now and then", async (t) => {
  await using agent = await lyingAgent({
    async *watchService() {
      for (let restarts = 0; ; restarts += 1) {
        yield { state: ServiceState.RUNNING, pid: 7, restarts: restarts % 2 ** 32, error: "x".repeat(100_000) };
      }
    },
  });
  const { context, vm } = await vmScene(t);
  const { live } = machineOf(vm, {}, () => agent.connect());
  t.after(() => live.close());
  context.live.set(VM_ID, live);
  putRow(context.store, "vms", { ...vm, spec: { ...vm.spec, service: { command: ["true"], restart: "always" } } });
  let writes = 0;
  const vms = { ...context.store.vms };
  const transition: typeof vms.transition = (...args) => {
    writes += 1;
    return vms.transition(...args);
  };
  Object.assign(context.store.vms, { transition });
  followVmService(context, VM_ID, live);
  await after(1_500);
  assert.ok(writes > 0 && writes < 8, `${writes} in 1.5 s`);
  const { service, ...written } = vmSchema.parse(context.store.vms.get(VM_ID));
  assert.ok((service?.error ?? "").length < 600);
  assert.equal(written.state, "running");
  // The line serves others meanwhile.
  assert.equal((await (await live.agent(t.signal)).info(t.signal)).bootId, "b");
});
