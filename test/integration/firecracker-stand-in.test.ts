import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { awaitListening } from "../../src/vmm/firecracker/await-socket.ts";
import { planFirecracker } from "../../src/vmm/firecracker/machine-plan.ts";
import type { MachineSpec } from "../../src/vmm/driver.ts";
import { mib } from "../../src/lib/bytes.ts";
import { descriptionMissing, STAND_IN } from "../helpers/stand-in.ts";
import { MUTATIONS } from "./firecracker-mutations.ts";

/** The stand-in is a verifier of the driver's requests: what it must reject, it is seen to reject. */
suite("the stand-in for Firecracker", { timeout: 300_000 }, () => {
  const needsDescription = descriptionMissing();

  for (const version of ["1.14.0", "1.15.1", "1.16.1", "1.17.0"]) {
    test(`takes every request of the driver's plan before the start, as ${version}`, async () => {
      await using vmm = await Running.start({ BANGER_STAND_IN_VERSION: version });
      for (const asked of await vmm.plan())
        assert.deepEqual(await vmm.send(asked.method, asked.path, asked.body), OK, asked.path);
      const { body } = await vmm.send("GET", "/vm/config");
      assert.equal(Object(body)["drives"].length, 2);
      assert.deepEqual(await vmm.send("GET", "/version"), { status: 200, body: { firecracker_version: version } });
    });
  }

  for (const kind of [undefined, "described"] as const) {
    const skip = kind === undefined ? false : (needsDescription ?? false);
    test(`rejects requests that are wrong${kind === undefined ? "" : " by the description"}`, { skip }, async () => {
      await using vmm = await Running.start();
      const tried = new Set<string>();
      for (const asked of await vmm.plan()) {
        for (const [name, path, change, said, described] of MUTATIONS) {
          if (path !== asked.path || described !== kind) continue;
          rejected(await vmm.send("PUT", path, change(asked.body)), said, name);
          tried.add(name);
        }
        assert.deepEqual(await vmm.send(asked.method, asked.path, asked.body), OK, `${asked.path}, as it should be`);
      }
      const all = MUTATIONS.filter(([, , , , described]) => described === kind).map(([name]) => name);
      assert.deepEqual([...tried].toSorted(), all.toSorted());
    });
  }

  test("rejects an endpoint that is not there, a method that is not, and an id with a dash in the path", async () => {
    await using vmm = await Running.start();
    rejected(await vmm.send("PUT", "/machine", { vcpu_count: 1 }), /no PUT \/machine|does not know PUT \/machine/);
    rejected(await vmm.send("DELETE", "/vsock"), /Unsupported|DELETE/);
    const drive = { drive_id: "root-1", path_on_host: vmm.disk, is_root_device: false, is_read_only: false };
    rejected(await vmm.send("PUT", "/drives/root-1", drive), /alphanumeric/);
    rejected(await vmm.send("PUT", "/actions"), /Empty PUT/);
    rejected(await vmm.sendText("PUT", "/actions", "{"), /deserializing/);
  });

  test("rejects what comes in the wrong order, or twice", async () => {
    await using vmm = await Running.start();
    const start = { action_type: "InstanceStart" };
    rejected(await vmm.send("PUT", "/actions", start), /without kernel/);
    rejected(
      await vmm.send("PUT", "/mmds/config", { version: "V2", network_interfaces: ["eth0"] }),
      /network interface/,
    );
    rejected(await vmm.send("PATCH", "/vm", { state: "Paused" }), /before starting/);
    rejected(await vmm.send("PUT", "/actions", { action_type: "SendCtrlAltDel" }), /before starting/);
    const metrics = { metrics_path: join(vmm.folder, "m") };
    assert.deepEqual(await vmm.send("PUT", "/metrics", metrics), OK);
    rejected(await vmm.send("PUT", "/metrics", metrics), /already initialized/);
    const vsock = { guest_cid: 3, uds_path: join(vmm.folder, "v.sock") };
    assert.deepEqual(await vmm.send("PUT", "/vsock", vsock), OK);
    assert.deepEqual(await vmm.send("PUT", "/vsock", vsock), OK, "the same again is no other");
    rejected(await vmm.send("PATCH", "/mmds", { latest: {} }), /not initialized/);
  });

  test("takes what the description does not know of, and Firecracker does", async () => {
    await using vmm = await Running.start();
    assert.deepEqual(await vmm.send("PUT", "/mmds", [1, 2]), OK);
    assert.deepEqual(await vmm.send("PUT", "/vsock", { guest_cid: 2, uds_path: join(vmm.folder, "v.sock") }), OK);
    assert.deepEqual(await vmm.send("PATCH", "/machine-config", { vcpu_count: 2 }), OK);
    const nic = { iface_id: "eth0", host_dev_name: "bgr-1", mtu: 1400 };
    assert.deepEqual(await vmm.send("PUT", "/network-interfaces/eth0", nic), OK);
    rejected(await vmm.send("GET", "/balloon"), /balloon/);
    assert.deepEqual(await vmm.send("PUT", "/balloon", { amount_mib: 0, deflate_on_oom: true }), OK);
    assert.equal((await vmm.send("GET", "/balloon")).status, 200);
  });

  test("rejects a whole number that is written as a fraction, which JSON cannot tell apart", async () => {
    await using vmm = await Running.start();
    rejected(await vmm.sendText("PUT", "/machine-config", '{"vcpu_count":1,"mem_size_mib":128.0}'), /floating point/);
    assert.deepEqual(await vmm.sendText("PUT", "/machine-config", '{"vcpu_count":1,"mem_size_mib":128}'), OK);
  });

  test("an older release knows less", { skip: needsDescription ?? false }, async () => {
    const limited = { serial_out_path: "/dev/null", rate_limiter: { size: 1, refill_time: 1 } };
    await using old = await Running.start({ BANGER_STAND_IN_VERSION: "1.15.1" });
    rejected(await old.send("PUT", "/serial", limited), /rate_limiter/);
    await using recent = await Running.start({ BANGER_STAND_IN_VERSION: "1.16.1" });
    assert.deepEqual(await recent.send("PUT", "/serial", limited), OK);
  });

  test("does not start where a socket stands, and takes no id with an underscore", async () => {
    await using vmm = await Running.start();
    const second = spawnSync(STAND_IN, ["--api-sock", vmm.socket], { encoding: "utf8" });
    assert.equal(second.status, 1);
    assert.match(second.stdout, /Failed to open the API socket at: .*Check that it is not already used/);
    assert.equal(spawnSync(STAND_IN, ["--id", "vm_1"]).signal, "SIGABRT");
    assert.equal(spawnSync(STAND_IN, ["--frobnicate"]).status, 153);
  });

  test("leaves its sockets behind, as Firecracker does", async () => {
    await using vmm = await Running.start();
    vmm.child.kill("SIGTERM");
    const [, signal] = await once(vmm.child, "exit");
    assert.equal(signal, "SIGTERM");
    assert.ok(existsSync(vmm.socket));
  });

  test("takes CONNECT in one piece of 10 to 32 bytes, and nothing else", async (t: TestContext) => {
    await using vmm = await Running.start();
    const path = join(vmm.folder, "v.sock");
    assert.deepEqual(await vmm.send("PUT", "/vsock", { guest_cid: 3, uds_path: path }), OK);
    const { answerVsock } = await import("../stand-in/firecracker/vsock-front.ts");
    const echo = join(vmm.folder, "echo");
    const inner = createServer((socket) => socket.once("data", () => socket.end("OK 1073741824\n"))).listen(echo);
    const front = createServer({ allowHalfOpen: true }, (socket) => answerVsock(socket, echo)).listen(
      join(vmm.folder, "f"),
    );
    t.after(() => [inner, front].forEach((server) => server.close()));
    const say = async (words: string): Promise<string> => {
      const socket = createConnection(join(vmm.folder, "f"));
      socket.on("error", () => {});
      socket.write(words);
      let heard = "";
      for await (const chunk of socket.setEncoding("utf8")) heard += String(chunk);
      return heard;
    };
    assert.equal(await say("CONNECT 1024\n"), "OK 1073741824\n");
    for (const wrong of ["CONNECT\n", "CONNECT x1024\n", "HELLO 12345\n", `CONNECT ${"1".repeat(30)}\n`, "CONN"]) {
      assert.equal(await say(wrong), "", wrong);
    }
  });
});

const OK = { status: 204, body: undefined };

function rejected(
  { status, body }: { readonly status: number; readonly body: unknown },
  said: RegExp,
  name = "",
): void {
  assert.equal(status, 400, `${name} ${JSON.stringify(body)}`);
  const { fault_message: fault, error } = body as { fault_message?: string; error?: string };
  assert.match(fault ?? error ?? "", said);
}

/** A stand-in that has been told nothing yet. */
class Running implements AsyncDisposable {
  readonly folder: string;
  readonly child: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.child = child;
  }

  get socket(): string {
    return join(this.folder, "fc.sock");
  }

  get disk(): string {
    return join(this.folder, "disk");
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<Running> {
    const folder = await mkdtemp(join(tmpdir(), "si-"));
    await writeFile(join(folder, "disk"), Buffer.alloc(4096));
    const args = ["--id", "vm-1", "--api-sock", join(folder, "fc.sock"), "--log-path", join(folder, "log")];
    const child = spawn(STAND_IN, args, { cwd: folder, stdio: "ignore", env: { ...process.env, ...env } });
    await awaitListening(join(folder, "fc.sock"), AbortSignal.timeout(60_000));
    return new Running(folder, child);
  }

  /** All that the driver asks before the guest runs, for a machine that has everything. */
  async plan() {
    const spec: MachineSpec = {
      id: "vm-1",
      name: "one",
      runDir: this.folder,
      consoleLog: join(this.folder, "console.log"),
      vcpus: 2,
      memoryBytes: mib(128),
      kernel: { path: this.disk, format: "elf", microvm: true, initrdPath: this.disk, commandLine: ["init=/init"] },
      disks: [
        { id: "root", path: this.disk, format: "raw", readOnly: false },
        { id: "work", path: this.disk, format: "raw", readOnly: true },
      ],
      network: {
        mode: "tap",
        via: "nftables",
        device: "bgr-1",
        mtu: 1500,
        mac: "02:00:00:00:00:01",
        address: "10.0.0.2/30",
        gateway: "10.0.0.1",
        dns: ["10.0.0.1"],
      },
      limits: { diskBandwidth: 10_000_000, netBandwidth: 1_000_000 },
    };
    const { requests } = planFirecracker(spec);
    assert.deepEqual(requests.at(-1)?.body, { action_type: "InstanceStart" });
    return requests.slice(0, -1);
  }

  send(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    return this.sendText(method, path, body === undefined ? "" : JSON.stringify(body));
  }

  async sendText(method: string, path: string, text: string): Promise<{ status: number; body: unknown }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>();
    const asked = request({ socketPath: this.socket, method, path, agent: false }, (response) => {
      let said = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: said === "" ? undefined : JSON.parse(said) }),
      );
    });
    asked.on("error", reject);
    asked.end(text);
    return promise.catch(async (error: unknown) => {
      throw new Error(await readFile(join(this.folder, "log"), "utf8").catch(() => ""), { cause: error });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, "exit");
      this.child.kill("SIGKILL");
      await gone;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
