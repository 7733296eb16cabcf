import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import type { AgentClient, ExecSpec } from "../../../guest/agent-client.ts";
import type { HealthCheck, WaitTarget } from "../../../model/health-check.ts";
import type { Image } from "../../../model/image.ts";
import type { Vm } from "../../../model/vm.ts";
import { untilAborted } from "../../../lib/deadline.ts";
import { awaitReady, checkWait } from "./await-ready.ts";

const check: HealthCheck = { argv: ["well"], intervalMs: 1, timeoutMs: 1_000, startPeriodMs: 0, retries: 1 };
const never = new AbortController().signal;

type Said = { readonly code?: number; readonly out?: string; readonly err?: string; readonly hangs?: true };

/** A guest in which commands say what they are told to, one answer after another, the last again and again. */
function guest(answers: Readonly<Record<string, readonly Said[]>>) {
  const ran: ExecSpec[] = [];
  const agent = {
    exec: async (spec: ExecSpec, { signal }: { readonly signal: AbortSignal }) => {
      ran.push(spec);
      const of = answers[spec.argv.join(" ")] ?? answers[spec.argv[1] ?? spec.argv[0] ?? ""] ?? [];
      const nth = ran.filter(({ argv }) => argv.join() === spec.argv.join()).length;
      const { code = 0, out = "", err = "", hangs } = of[Math.min(nth, of.length) - 1] ?? {};
      return {
        stdin: new Writable({ write: (_chunk, _encoding, done) => done() }),
        stdout: Readable.from([Buffer.from(out)]),
        stderr: Readable.from([Buffer.from(err)]),
        exit: hangs === true ? untilAborted(new Promise<never>(() => {}), signal) : Promise.resolve({ code }),
      };
    },
  } as unknown as AgentClient;
  return { agent, ran };
}

const VM = { name: "box", image: { id: "i", name: "img" }, spec: { init: "auto", env: {} } } as unknown as Vm;
const SYSTEMD = { config: {}, system: { init: "systemd" } } as unknown as Image;

function wait(agent: AgentClient, target: WaitTarget, system: string, healthCheck?: HealthCheck, init = "auto") {
  const vm = { name: "box", image: { id: "i", name: "img" }, spec: { init, env: { A: "1" } } } as unknown as Vm;
  const config = { env: ["B=2"], user: "app", workingDir: "/srv", ...(healthCheck && { healthCheck }) };
  const image = { config, system: { init: system } } as unknown as Image;
  const told: string[] = [];
  const progress = ({ label, note }: { label: string; note?: string }) => void told.push(`${label} ${note ?? ""}`);
  const waiting = { agent, vm, image, target, limitMs: 1_500 };
  return { told, done: awaitReady(waiting, { signal: never, progress }) };
}

test("a system is waited for until systemd says that it runs", async () => {
  const { agent, ran } = guest({
    "is-system-running": [{ code: 1, err: "Failed to connect to bus" }, { out: "running\n" }],
  });
  assert.deepEqual(await wait(agent, "system", "systemd").done, { state: "running", failedUnits: [] });
  assert.equal(ran.length, 2);
});

test("one that is degraded is ready, and its failed units are named", async () => {
  const { agent } = guest({
    "is-system-running": [{ code: 1, out: "degraded\n" }],
    "list-units": [{ out: "a.service loaded failed failed A\nb.mount loaded failed failed B\n" }],
  });
  const { told, done } = wait(agent, "system", "systemd");
  assert.deepEqual(await done, { state: "degraded", failedUnits: ["a.service", "b.mount"] });
  assert.match(told.at(-1) ?? "", /degraded failed: a\.service b\.mount/);
});

test("one that never gets there is not ready, with systemd's last word", async () => {
  const { agent } = guest({ "is-system-running": [{ code: 1, out: "starting\n" }] });
  await assert.rejects(wait(agent, "system", "systemd").done, { code: "VM_NOT_READY", why: /"starting"/ });
});

/** Of a system that boots for ever: systemd itself says nothing until it is done. */
const BOOTING = {
  "systemctl is-system-running --wait": [{ hangs: true }],
  "is-system-running": [{ code: 1, out: "starting\n" }],
} as const;

test("one that never gets there names the jobs that it still has, those that run first, and what failed", async () => {
  const { agent } = guest({
    ...BOOTING,
    "list-jobs": [{ out: " 1 multi-user.target start waiting\n93 slow\u001b[31m.service start running\n" }],
    "list-units": [{ out: "a.service loaded failed failed A\n" }],
  });
  await assert.rejects(wait(agent, "system", "systemd").done, {
    code: "VM_NOT_READY",
    why: 'systemd says "starting"; its jobs: slow [31m.service (start, running), multi-user.target (start, waiting); failed: a.service',
  });
});

test("one that says nothing at all is told so, and a cancelled wait asks nothing more", async () => {
  const { agent, ran } = guest({ systemctl: [] });
  const deaf = { exec: async () => Promise.reject(new Error("it is gone")) } as unknown as AgentClient;
  let asked = 0;
  const silent = {
    exec: async (spec: ExecSpec, options: { readonly signal: AbortSignal }) => {
      asked += 1;
      return asked === 1 ? untilAborted(new Promise<never>(() => {}), options.signal) : deaf.exec(spec, options);
    },
  } as unknown as AgentClient;
  await assert.rejects(wait(silent, "system", "systemd").done, {
    code: "VM_NOT_READY",
    why: "systemd has not answered",
  });
  assert.equal(asked, 4);
  const cancelling = AbortSignal.abort(new Error("enough"));
  const waiting = { agent, vm: VM, image: SYSTEMD, target: "system", limitMs: 1_000 } as const;
  await assert.rejects(awaitReady(waiting, { signal: cancelling, progress: () => {} }));
  assert.ok(!ran.some(({ argv }) => argv.includes("list-jobs")));
});

test("where the agent is PID 1 there is no other system", async () => {
  const { agent, ran } = guest({});
  assert.equal(await wait(agent, "system", "none").done, undefined);
  assert.equal(await wait(agent, "system", "systemd", undefined, "agent").done, undefined);
  assert.deepEqual(ran, []);
});

test("the image's check is run as the image runs commands, until it succeeds", async () => {
  const { agent, ran } = guest({ well: [{ code: 1, err: "refused" }, { code: 0 }] });
  await wait(agent, "healthy", "none", check).done;
  assert.equal(ran.length, 2);
  assert.deepEqual(ran[0], { argv: ["well"], env: { A: "1", B: "2" }, cwd: "/srv", user: "app" });
});

test("one that goes on failing is told with what it said last", async () => {
  const { agent } = guest({ well: [{ code: 3, out: "no\u001b[31m database\n" }] });
  await assert.rejects(wait(agent, "healthy", "none", check).done, {
    code: "VM_NOT_READY",
    why: /status 3: no \[31m database/,
  });
});

test("an image that says nothing of its health is refused before anything is started", () => {
  const vm = { name: "box", image: { id: "i", name: "img" } };
  const image = (changes: object) => ({ config: {}, ...changes }) as unknown as Image;
  assert.throws(() => checkWait("healthy", vm, image({})), { code: "BAD_REQUEST", why: /img has neither/ });
  checkWait("system", vm, image({}));
  checkWait("healthy", vm, image({ config: { healthCheck: check } }));
  checkWait("healthy", vm, image({ services: [{ name: "db", kind: "tcp", port: 5432 }] }));
});
