import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { putRow } from "../../core/testing/put-row.ts";
import type { AgentClient } from "../../guest/agent-client.ts";
import { untilAborted } from "../../lib/deadline.ts";
import { BangerError } from "../../lib/errors.ts";
import { configSchema } from "../../model/config.ts";
import type { Vm } from "../../model/vm.ts";
import type { Machine } from "../../vmm/driver.ts";
import { machineOf, VM_ID, vmScene } from "./testing/vm-scene.ts";
import { vmVerbs, type VmVerbs } from "./vm-verbs.ts";

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };
const hang = (signal: AbortSignal): Promise<never> => untilAborted(new Promise<never>(() => {}), signal);
const start = { type: "start" as const, command: ["true"], env: {}, cwd: "", user: "" };

/** An agent that was reached, and takes every call without an answer, until its line is closed. */
function silentAgent(): AgentClient {
  const line = new AbortController();
  const silent = (signal: AbortSignal): Promise<never> => hang(AbortSignal.any([signal, line.signal]));
  return {
    closed: false,
    keepStill() {},
    close: () => line.abort(new BangerError("AGENT_UNREACHABLE", { what: "the line is gone", fix: "none" })),
    info: silent,
    ping: silent,
    shutdown: silent,
    growRoot: silent,
    stats: silent,
    configure: (_identity: unknown, signal: AbortSignal) => silent(signal),
    exec: (_spec: unknown, { signal }: { readonly signal: AbortSignal }) => silent(signal),
    forward: (_target: unknown, signal: AbortSignal) => silent(signal),
  } as Partial<AgentClient> as AgentClient;
}

/** A VMM that takes every question without an answer, until it is gone. */
function silentVmm(gone: AbortSignal): Partial<Machine> {
  const silent = (signal: AbortSignal): Promise<never> => hang(AbortSignal.any([signal, gone]));
  return { isPaused: silent, pause: silent, resume: silent, console: silent, requestShutdown: silent };
}

interface Verb {
  /** By then it has ended, whoever is silent. */
  readonly limitMs: number;
  readonly state?: Vm["state"];
  readonly ask: (vms: VmVerbs) => Promise<unknown>;
}

const STOP_MS = 7_000;

/** Each verb on a VM that runs, or is paused. */
const VERBS: Readonly<Record<string, Verb>> = {
  list: { limitMs: 0, ask: async (vms) => vms.list() },
  inspect: { limitMs: 0, ask: async (vms) => vms.inspect("box") },
  start: { limitMs: 0, ask: (vms) => vms.start("box", operation) },
  rebase: { limitMs: 0, ask: (vms) => vms.rebase("box", { image: "debian" }, operation) },
  resize: { limitMs: 0, ask: (vms) => vms.resize("box", { diskSizeBytes: 2 ** 40 }, operation) },
  delete: { limitMs: 0, ask: (vms) => vms.delete("box", false, operation) },
  // The VMM may say after its time whether it did it.
  pause: { limitMs: 15_000, ask: (vms) => vms.pause("box", operation) },
  resume: { limitMs: 30_000, state: "paused", ask: (vms) => vms.resume("box", operation) },
  stop: { limitMs: STOP_MS, ask: (vms) => vms.stop("box", { timeoutMs: STOP_MS, force: false }, operation) },
  console: { limitMs: 10_000, ask: (vms) => vms.console("box", never) },
  exec: { limitMs: 30_000, ask: (vms) => vms.exec("box", start, never) },
  forward: { limitMs: 30_000, ask: (vms) => vms.forward("box", { kind: "ssh" }, never) },
  ssh: { limitMs: 30_000, ask: (vms) => vms.ssh("box", never) },
  stats: { limitMs: 30_000, ask: (vms) => vms.stats("box", never) },
};

const SILENT = ["the agent", "the line", "VMM and line"] as const;

async function scene(t: TestContext, who: (typeof SILENT)[number], state: Vm["state"]) {
  const { context, vm } = await vmScene(t);
  const gone = new AbortController();
  const kills: (number | undefined)[] = [];
  const made = machineOf(
    vm,
    {
      requestShutdown: async () => {},
      pause: async () => {},
      resume: async () => {},
      console: () => Promise.reject(new BangerError("VMM_FAILED", { what: "no console here", fix: "none" })),
      ...(who === "VMM and line" && silentVmm(gone.signal)),
      kill: async (graceMs) => {
        kills.push(graceMs);
        made.exit.resolve({ clean: false, by: "vmm", reason: "killed" });
      },
    },
    (_machine, signal) => (who !== "the agent" ? hang(signal) : Promise.resolve(silentAgent())),
  );
  void made.live.machine.exited.then(() =>
    gone.abort(new BangerError("VMM_FAILED", { what: "the VMM is gone", fix: "none" })),
  );
  const image = {
    id: "img-0123456789abcdef",
    name: "debian",
    kernel: "k",
    config: { env: [], entrypoint: [], cmd: [] },
  };
  Object.assign(context, {
    config: configSchema.parse({}),
    store: {
      ...context.store,
      images: { get: () => image, find: () => image },
      kernels: { get: () => ({ id: "krn-0123456789abcdef", name: "k" }), find: () => undefined },
    },
  });
  context.live.set(VM_ID, made.live);
  const other: Vm = { ...vm, id: "vm-fedcba9876543210", name: "other", state };
  context.store.vms.insert(other);
  putRow(context.store, "vms", { ...vm, state });
  t.after(() => made.live.close());
  return { context, vms: vmVerbs(context), exit: made.exit, kills, other };
}

/** Lets all go on that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await turn();
}

for (const who of SILENT) {
  for (const [name, { limitMs, state = "running", ask }] of Object.entries(VERBS)) {
    test(`with ${who} silent, ${name} ends within ${limitMs / 1000} s`, async (t) => {
      const { vms, context, other } = await scene(t, who, state);
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const ended = new AbortController();
      const asked = ask(vms).then(
        () => undefined,
        (error: unknown) => error,
      );
      void asked.then(() => ended.abort());
      await settle();
      for (let ms = 0; ms <= limitMs + 1_000 && !ended.signal.aborted; ms += 1_000) {
        t.mock.timers.tick(1_000);
        await settle();
      }
      // Files take time that no mock has.
      for (const until = performance.now() + 2_000; !ended.signal.aborted && performance.now() < until;) await turn();
      assert.ok(ended.signal.aborted, `it goes on after ${limitMs / 1000 + 2} s`);
      const error = await asked;
      assert.ok(error === undefined || error instanceof BangerError, String(error));
      assert.deepEqual(context.store.vms.get(other.id), other, "another VM is as it was");
    });

    // What ends at once needs no end by others.
    if (limitMs === 0) continue;

    test(`with ${who} silent, force goes before ${name}`, async (t) => {
      const { vms, kills } = await scene(t, who, state);
      const asked = ask(vms).catch(() => {});
      await settle();
      const began = performance.now();
      assert.equal((await vms.stop("box", { timeoutMs: 60_000, force: true }, operation)).state, "stopped");
      await asked;
      assert.ok(performance.now() - began < 2_000);
      assert.deepEqual(kills, name === "stop" ? kills : kills.map(() => 0));
    });

    test(`with ${who} silent, a VMM that is killed ends ${name}`, async (t) => {
      const { context, vms, exit } = await scene(t, who, state);
      const asked = ask(vms).catch(() => {});
      await settle();
      const began = performance.now();
      exit.resolve({ clean: false, by: "vmm", reason: "killed" });
      await context.live.get(VM_ID)?.close();
      await asked;
      assert.ok(performance.now() - began < 2_000);
    });
  }
}
