import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createClient, type Client } from "../../src/client/client.ts";
import { awaitSocket } from "../../src/client/await-socket.ts";
import { identifyProcess } from "../../src/lib/process-identity.ts";
import { isWhole } from "../../src/model/broken.ts";
import { layoutFrom, vmRunDir } from "../../src/model/layout.ts";
import { vmSchema } from "../../src/model/vm.ts";
import { openStore } from "../../src/nouns/store.ts";
import { definedVm } from "../bench/cases/thousand-vms.ts";

const DAEMON = join(import.meta.dirname, "../../src/daemon/main.ts");
const GREETING = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 }, package: "" }, capabilities: [] } };

/** A process that stands for QEMU, with a control socket that accepts, and answers once it is told to. */
async function silentVmm(t: TestContext, controlSocket: string) {
  const process = spawn("sleep", ["600"], { stdio: "ignore" });
  const waiting = new Set<Socket>();
  let speaks = false;
  const serve = (socket: Socket): void => {
    socket.write(`${JSON.stringify(GREETING)}\r\n`);
    socket.on("data", (bytes: Buffer) => {
      for (const line of bytes.toString().trim().split("\n")) {
        const { id } = JSON.parse(line) as { id: number };
        socket.write(`${JSON.stringify({ return: { running: true }, id })}\r\n`);
      }
    });
  };
  const server = createServer((socket) => {
    socket.on("error", () => {});
    waiting.add(socket);
    if (speaks) serve(socket);
  });
  await mkdir(dirname(controlSocket), { recursive: true, mode: 0o700 });
  server.listen(controlSocket);
  await once(server, "listening");
  process.once("exit", () => {
    server.close();
    for (const socket of waiting) socket.destroy();
  });
  t.after(() => process.kill("SIGKILL"));
  return {
    identity: await identifyProcess(process.pid ?? 0),
    speak() {
      speaks = true;
      for (const socket of waiting) serve(socket);
    },
  };
}

/** A daemon of its own over some VMs whose VMMs accept and say nothing. */
async function scene(t: TestContext, count: number, isEphemeral = false) {
  const home = await mkdtemp(join(tmpdir(), "silent-"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, XDG_RUNTIME_DIR: home };
  const layout = layoutFrom(env);
  await mkdir(layout.stateDir, { recursive: true, mode: 0o700 });
  await mkdir(layout.dataDir, { recursive: true, mode: 0o700 });
  const store = openStore(layout.database);
  const vmms = [];
  for (let n = 0; n < count; n += 1) {
    const vm = definedVm(n);
    const runDir = vmRunDir(layout, vm.id);
    const vmm = await silentVmm(t, join(runDir, "qmp.sock"));
    vmms.push(vmm);
    store.vms.insert(
      vmSchema.parse({
        ...vm,
        state: "running",
        disks: [],
        ...(isEphemeral && { ephemeral: true }),
        machine: {
          vmm: "qemu",
          version: "7.2.0",
          accel: "tcg",
          machine: "microvm",
          ...vmm.identity,
          controlSocket: join(runDir, "qmp.sock"),
          consoleSocket: join(runDir, "console.sock"),
          consoleLog: join(runDir, "console.log"),
          line: { kind: "virtio-serial", socketPath: join(runDir, "agent.sock") },
        },
      }),
    );
  }
  store[Symbol.dispose]();
  const daemon = spawn(process.execPath, [DAEMON], { env, stdio: "ignore" });
  const gone = once(daemon, "exit");
  t.after(async () => {
    daemon.kill("SIGKILL");
    await gone;
    await rm(home, { recursive: true, force: true });
  });
  const began = performance.now();
  await awaitSocket(layout.socket, AbortSignal.timeout(30_000));
  const client = createClient({ socketPath: layout.socket });
  await client.call("vmList", {});
  return { client, vmms, startMs: performance.now() - began };
}

async function until(client: Client, ref: string, who: string | undefined): Promise<void> {
  while ((await client.call("vmInspect", { ref })).unresponsive?.who !== who) await pause(50);
}

test("a daemon answers beside twenty silent VMMs, says which, takes back what answers, and ends what is to be ended", async (t) => {
  const { client, vmms, startMs } = await scene(t, 20);
  assert.ok(startMs < 10_000, `it took ${startMs} ms`);
  const [first, second, third] = ["debian-bookworm-0", "debian-bookworm-1", "debian-bookworm-2"];
  // What is asked of one waits until it is known whether its VMM answers, and no longer.
  let began = performance.now();
  await assert.rejects(
    client.exec({ ref: first }, { argv: ["true"] }).then(({ exit }) => exit),
    {
      code: "VM_UNRESPONSIVE",
      fix: /banger vm stop --force debian-bookworm-0/,
    },
  );
  await assert.rejects(client.operate("vmPause", { ref: first }), { code: "VM_UNRESPONSIVE" });
  await assert.rejects(client.call("vmStats", { ref: first }), { code: "VM_UNRESPONSIVE" });
  assert.ok(performance.now() - began < 7_000);
  await until(client, second, "vmm");

  vmms[1]?.speak();
  await until(client, second, undefined);
  assert.equal((await client.call("vmInspect", { ref: second })).state, "running");

  began = performance.now();
  assert.equal((await client.operate("vmStop", { ref: first, force: true })).state, "stopped");
  await client.operate("vmDelete", { ref: third, force: true });
  assert.ok(performance.now() - began < 4_000);
  const vms = await client.call("vmList", {});
  assert.equal(vms.length, 19);
  assert.equal(vms.filter((vm) => isWhole(vm) && vm.unresponsive?.who === "vmm").length, 17);
});

test("a VM that was made for one command goes with the connection that owns it, and with no other", async (t) => {
  const { client } = await scene(t, 2, true);
  const start = { argv: ["true"], owner: true };
  const other = client.exec({ ref: "debian-bookworm-1" }, { argv: ["true"] }).then(({ exit }) => exit);
  await assert.rejects(client.exec({ ref: "debian-bookworm-0" }, start).then(({ exit }) => exit));
  await assert.rejects(other);
  const names = async () => (await client.call("vmList", {})).map(({ name }) => name);
  while ((await names()).includes("debian-bookworm-0")) await pause(50);
  assert.deepEqual(await names(), ["debian-bookworm-1"], "nobody has owned it, and it has some time yet");
});
