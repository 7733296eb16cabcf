import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { untilAborted } from "../../src/lib/deadline.ts";
import type { Machine } from "../../src/vmm/driver.ts";
import { firecrackerApi } from "../../src/vmm/firecracker/api.ts";
import { createFirecrackerDriver } from "../../src/vmm/firecracker/firecracker-driver.ts";
import { prepareStandIn, standInAs } from "../helpers/stand-in.ts";
import { consoleShows, TinyGuest } from "../helpers/tiny-guest.ts";

const limit = (): AbortSignal => AbortSignal.timeout(60_000);

/** What is Firecracker's alone: the rules of its API once a guest runs, its vsock, its metrics, its releases. */
suite("a guest on the stand-in for Firecracker", { skip: prepareStandIn() ?? false, timeout: 300_000 }, () => {
  const start = async (guest: TinyGuest, version: string): Promise<Machine> => {
    const driver = createFirecrackerDriver({ firecrackerBin: standInAs(version) });
    return guest.own(await driver.start(await guest.spec("tick"), limit()));
  };

  test("once it runs, nothing of it can be configured, and nothing is done twice", async () => {
    await using guest = await TinyGuest.make();
    const machine = await start(guest, "1.15.1");
    const api = firecrackerApi(machine.record.controlSocket);
    const refused = async (path: string, body: Record<string, unknown>, method: "PUT" | "PATCH" = "PUT") =>
      assert.rejects(api.send({ method, path, body }, limit()), { code: "VMM_FAILED", why: /after starting/ }, path);
    await refused("/machine-config", { vcpu_count: 1, mem_size_mib: 128 });
    await refused("/boot-source", { kernel_image_path: guest.kernel });
    await refused("/vsock", { guest_cid: 3, uds_path: "/tmp/other.sock" });
    await refused("/entropy", {});
    await refused("/balloon", { amount_mib: 0, deflate_on_oom: true });
    await refused("/metrics", { metrics_path: "/dev/null" });
    await refused("/drives/more", {
      drive_id: "more",
      path_on_host: guest.rootDisk,
      is_root_device: false,
      is_read_only: true,
    });
    await refused("/actions", { action_type: "InstanceStart" });
    assert.equal((await api.instance(limit())).state, "Running");
    await machine.kill();
  });

  test("while it is paused a CONNECT hangs; once it resumes it is answered", async () => {
    await using guest = await TinyGuest.make();
    const machine = await start(guest, "1.15.1");
    await consoleShows(machine.record.consoleLog, /tick 1\b/);
    assert.ok(machine.pause);
    await machine.pause(limit());
    await machine.pause(limit());
    assert.equal(machine.line.kind, "firecracker-vsock");
    const socket = createConnection(machine.line.kind === "firecracker-vsock" ? machine.line.socketPath : "");
    socket.resume();
    const closed = once(socket, "close").then(() => "answered" as const);
    socket.write("CONNECT 1024\n");
    assert.equal(await Promise.race([closed, after(500, "silent" as const)]), "silent");
    await machine.resume(limit());
    // Nobody listens in this guest: it says so by closing.
    assert.equal(await untilAborted(closed, limit()), "answered");
    await machine.kill();
  });

  test("1.16 is not paused, since it would not come back whole", async () => {
    await using guest = await TinyGuest.make();
    const machine = await start(guest, "1.16.1");
    assert.equal(machine.pause, undefined);
    assert.equal(machine.lacks?.pause?.code, "VMM_CANNOT");
    assert.match(machine.lacks.pause.fix ?? "", /1\.15 or 1\.17.*`vmm` qemu/);
    assert.equal(await machine.isPaused(limit()), false);
    // It could plug devices in, if it were started with PCI.
    const body = { drive_id: "more", path_on_host: guest.rootDisk, is_root_device: false, is_read_only: true };
    const plugging = firecrackerApi(machine.record.controlSocket).send(
      { method: "PUT", path: "/drives/more", body },
      limit(),
    );
    await assert.rejects(plugging, { code: "VMM_FAILED", why: /PCI is not enabled/ });
    await machine.kill();
  });

  test("an older Firecracker than 1.14 is refused by its name", async () => {
    const driver = createFirecrackerDriver({ firecrackerBin: standInAs("1.13.1") });
    await assert.rejects(driver.summary(), { code: "VMM_CANNOT", what: /1\.13\.1.*1\.14/ });
  });

  test("its metrics are kept, the last line of them", async () => {
    await using guest = await TinyGuest.make();
    const machine = await start(guest, "1.15.1");
    const api = firecrackerApi(machine.record.controlSocket);
    const file = join(dirname(machine.record.controlSocket), "metrics.json");
    const flush = { method: "PUT", path: "/actions", body: { action_type: "FlushMetrics" } } as const;
    await api.send(flush, limit());
    const deadline = limit();
    let metrics: unknown;
    while (metrics === undefined) {
      deadline.throwIfAborted();
      metrics = await readFile(file, "utf8").then(JSON.parse, () => after(10));
    }
    assert.equal(typeof (metrics as { utc_timestamp_ms: number }).utc_timestamp_ms, "number");

    // Whoever is not its parent learns from its log by which signal it ended: no status stands there.
    machine.release();
    const again = await createFirecrackerDriver({ firecrackerBin: standInAs("1.15.1") }).attach(
      machine.record,
      limit(),
    );
    assert.ok(again);
    guest.own(again);
    process.kill(machine.record.pid, "SIGHUP");
    const { clean, reason } = await untilAborted(again.exited, limit());
    assert.deepEqual([clean, reason], [false, "Firecracker ended because its terminal hung up (exit status 156)"]);
  });
});
