import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AgentLine, MachineRecord } from "../../../model/vm.ts";
import { readAgentSecret, renewAgentSecret } from "./agent-secret.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-secret-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const serial: AgentLine = { kind: "virtio-serial", socketPath: "/run/x/agent.sock" };
const firecracker: AgentLine = { kind: "firecracker-vsock", socketPath: "/run/x/v.sock", port: 1024 };
const vhost: AgentLine = { kind: "vhost-vsock", cid: 7, port: 1024 };

function record(line: AgentLine): MachineRecord {
  return {
    vmm: "qemu",
    version: "1.2.3",
    accel: "tcg",
    machine: "q35",
    pid: 1,
    startTicks: 1,
    controlSocket: "/run/x/qmp.sock",
    consoleLog: join(folder, "console.log"),
    line,
    own: {},
  };
}

test("each start has a secret of its own, which only its user can read, and which outlives the daemon", async () => {
  const { consoleLog } = record(serial);
  assert.equal(await readAgentSecret(record(serial)), undefined, "an older banger's machine has none");
  const seen = new Set<string>();
  for (const line of [serial, firecracker, vhost]) {
    await renewAgentSecret(consoleLog);
    const fresh = await readAgentSecret(record(line));
    assert.equal(fresh?.isKnown, false);
    seen.add(Buffer.from(fresh.value).toString("hex"));
    await fresh.noteKnown();
    const later = await readAgentSecret(record(line));
    assert.deepEqual(later?.value, fresh.value);
    // By a serial port only the guest's root can answer: one that has forgotten the secret is told it again.
    assert.equal(later?.isKnown, line !== serial);
  }
  assert.equal(seen.size, 3);
  assert.equal((await stat(join(folder, "agent-secret"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["agent-secret"]);
});

test("on the host's vsock it is brought by the serial port, where the VM has one", async () => {
  await renewAgentSecret(record(vhost).consoleLog);
  const withPort: AgentLine = { ...vhost, secretSocketPath: "/run/x/agent.sock" };
  assert.equal(typeof (await readAgentSecret(record(withPort)))?.bring, "function");
  for (const line of [vhost, serial, firecracker])
    assert.equal((await readAgentSecret(record(line)))?.bring, undefined);
});

test("what is no secret is none", async () => {
  for (const content of ["", "x", "0".repeat(63), `${"0".repeat(64)} unknown\n`, `${"g".repeat(64)}\n`]) {
    await writeFile(join(folder, "agent-secret"), content);
    assert.equal(await readAgentSecret(record(serial)), undefined);
  }
});

test("a secret that cannot be put in its place is left nowhere else", async () => {
  const home = join(folder, "in-the-way");
  await mkdir(join(home, "agent-secret"), { recursive: true });
  await assert.rejects(renewAgentSecret(join(home, "console.log")), { code: "EISDIR" });
  assert.deepEqual(await readdir(home), ["agent-secret"]);
});
