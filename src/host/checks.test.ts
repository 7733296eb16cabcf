import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gib, mib } from "../lib/bytes.ts";
import { doctorReportSchema, type HostCheck, type KvmProbe } from "../model/doctor.ts";
import { describeCpu } from "./checks/cpu.ts";
import { describeDevices } from "./checks/devices.ts";
import { describeSpace } from "./checks/disk.ts";
import { describeProbe } from "./checks/kvm.ts";
import { describePrivileges } from "./checks/privileges.ts";
import { configCheck, orphansCheck } from "./checks/told.ts";
import { registriesCheck } from "./checks/registries.ts";
import { runChecks, type DoctorInput } from "./checks.ts";
import { chooseAccel } from "./choose-accel.ts";

const { signal } = new AbortController();

const broken: KvmProbe = {
  key: "k",
  works: false,
  opens: true,
  summary: "KVM opens but does not run a guest",
  tookMs: 1,
};
const working: KvmProbe = { ...broken, works: true, summary: "KVM runs guests" };

function input(changes: Partial<DoctorInput> = {}): DoctorInput {
  return {
    searchPath: process.env["PATH"],
    dataDir: join(tmpdir(), "not", "there", "yet"),
    registries: [],
    kvm: async () => broken,
    canReflink: async () => false,
    drivers: [],
    more: [],
    ...changes,
  };
}

const throwing = (essential: boolean): HostCheck => ({
  name: "throwing",
  why: "it is a test",
  essential,
  look: () => Promise.reject(new Error("it broke")),
});

test("a check that throws is a failed check, and breaks no other", async () => {
  const report = doctorReportSchema.parse(await runChecks(input({ more: [throwing(false)] }), signal));
  const names = report.checks.map(({ name }) => name);
  assert.deepEqual(names.toSorted(), [
    "cpu",
    "devices",
    "disk-space",
    "kvm",
    "logout",
    "privileges",
    "reflink",
    "registry",
    "ssh",
    "throwing",
  ]);
  const failed = report.checks.find(({ name }) => name === "throwing");
  assert.equal(failed?.result, "fail");
  assert.match(failed?.summary ?? "", /it broke/);
  assert.equal(report.canRunVms, true);
  assert.equal((await runChecks(input({ more: [throwing(true)] }), signal)).canRunVms, false);
});

test("a probe that fails leaves TCG, and says so", async () => {
  const report = await runChecks(input({ kvm: () => Promise.reject(new Error("no probe")) }), signal);
  assert.equal(report.accel, "tcg");
  assert.match(report.checks.find(({ name }) => name === "kvm")?.summary ?? "", /no probe/);
});

test("no VM can run while what a driver cannot do without fails", async () => {
  const report = await runChecks(input({ drivers: [throwing(true)] }), signal);
  assert.equal(report.canRunVms, false);
  assert.equal((await runChecks(input({ drivers: [throwing(false)] }), signal)).canRunVms, true);
});

test("an abort ends it", async () => {
  await assert.rejects(runChecks(input(), AbortSignal.abort(new Error("enough"))), /enough/);
});

test("KVM is taken where a guest ran in it, and only there", () => {
  assert.equal(chooseAccel(working).accel, "kvm");
  assert.deepEqual(chooseAccel(broken), { accel: "tcg", reason: broken.summary });
  assert.equal(chooseAccel(undefined).accel, "tcg");
  assert.equal(describeProbe(working).result, "ok");
  assert.match(describeProbe(broken).summary, /does not run a guest; TCG will be used/);
  assert.match(describeProbe({ ...broken, opens: false }).fix ?? "", /modprobe/);
});

test("the processor: what it is, and what it can", () => {
  const intel = "model name\t: Xeon\nflags\t\t: fpu vmx sse\n";
  assert.deepEqual(describeCpu("x64", intel).result, "ok");
  assert.equal(describeCpu("x64", intel.replace("vmx", "hypervisor")).result, "warn");
  assert.match(describeCpu("x64", intel.replace("vmx", "hypervisor")).fix ?? "", /nested/);
  assert.match(describeCpu("x64", intel.replace("vmx", "avx")).fix ?? "", /firmware/);
  assert.equal(describeCpu("arm64", intel).result, "fail");
});

test("devices that are denied have a mend, absent ones need none", () => {
  assert.equal(describeDevices({ "/dev/kvm": "usable", "/dev/vhost-vsock": "absent" }).result, "ok");
  assert.match(describeDevices({ "/dev/kvm": "denied" }).fix ?? "", /usermod -aG kvm/);
});

test("space: little is a warning, too little ends it", () => {
  assert.deepEqual(
    [gib(9), gib(1), mib(9)].map((free) => describeSpace("/d", free).result),
    ["ok", "warn", "fail"],
  );
});

test("a registry that says no is there; one that is silent is not", async () => {
  const server = createServer((_request, response) => response.writeHead(401).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`;
  try {
    assert.equal((await registriesCheck([url]).look(signal)).result, "ok");
  } finally {
    server.close();
    await once(server, "close");
  }
  const found = await registriesCheck([url]).look(signal);
  assert.equal(found.result, "warn");
  assert.match(found.summary, /ECONNREFUSED/);
});

test("a registry is looked for where images are got from: by the proxy", async () => {
  const asked: (string | undefined)[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(401).end();
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const env = { http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  try {
    assert.equal((await registriesCheck(["http://registry.test/v2/"], env).look(signal)).result, "ok");
    assert.deepEqual(asked, ["http://registry.test/v2/"]);
  } finally {
    proxy.close();
  }
});

test("what only the caller knows: configuration and left-overs", async () => {
  assert.equal((await configCheck("/c", async () => {}).look(signal)).result, "ok");
  const wrong = await configCheck("/c", () => Promise.reject(new Error("line 3"))).look(signal);
  assert.equal(wrong.result, "fail");
  assert.match(wrong.summary, /line 3/);
  assert.equal((await orphansCheck(async () => []).look(signal)).result, "ok");
  const orphan = { kind: "vm", path: "/v", changedAt: "2026-01-02T03:04:05Z", about: "a VM" } as const;
  const found = [1, 2, 3, 4].map((n) => ({ ...orphan, name: `vms/${n}`, pids: n === 1 ? [7] : [] }));
  assert.equal(
    (await orphansCheck(async () => found).look(signal)).summary,
    "vms/1, vms/2, vms/3, and 1 more; VMMs work in 1 of them",
  );
});

test("to run as root is warned of", () => {
  assert.equal(describePrivileges(1000).result, "ok");
  const { result, summary, fix } = describePrivileges(0);
  assert.equal(result, "warn");
  assert.match(summary, /root on this host/);
  assert.match(fix ?? "", /ordinary user/);
});
