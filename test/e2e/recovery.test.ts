import assert from "node:assert/strict";
import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { hashTree } from "../helpers/made-up-state.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { identifyProcess } from "../../src/lib/process-identity.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { TestHost } from "../helpers/test-host.ts";

interface VmRow {
  readonly name: string;
  readonly state: string;
  readonly pid?: number;
}

/** The VMM's process, not the daemon's: it must go on when the daemon does not. */
suite("a daemon that dies", { timeout: 600_000 }, () => {
  test("leaves its VMs running, and the next one takes them back, below the longest home too", async () => {
    // No socket's path below it fits into a socket's address (unix(7)); a login's own folder is not there.
    await using host = await TestHost.inHome("h".repeat(200), { XDG_RUNTIME_DIR: "" });
    await using image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--name", "counter", "--image", "busybox", "--memory", "256M"]);
    const count = "i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.1; done";
    await host.ok(["vm", "exec", "counter", "--", "sh", "-c", `(${count}) >/dev/null 2>&1 </dev/null &`]);
    const before = await host.json<VmRow>(["vm", "inspect", "counter"]);
    const read = async (): Promise<number> => Number(await host.ok(["vm", "exec", "counter", "--", "cat", "/count"]));
    const first = await read();

    const daemon = await host.daemonPid();
    process.kill(daemon, "SIGKILL");

    const [listed] = await host.json<VmRow[]>(["vm", "list"]);
    assert.equal(listed?.state, "running");
    assert.notEqual(await host.daemonPid(), daemon);
    assert.equal((await host.json<VmRow>(["vm", "inspect", "counter"])).pid, before.pid, "it is the same VMM");
    const second = await read();
    assert.ok(second > first, `the counter went from ${first} to ${second}`);

    // Once more, in the middle of a command.
    const running = host.banger(["vm", "exec", "counter", "--", "sleep", "100"]);
    await host.ok(["vm", "exec", "counter", "--", "sh", "-c", "until ps | grep -q '[s]leep 100'; do sleep 0.1; done"]);
    process.kill(await host.daemonPid(), "SIGKILL");
    assert.notEqual((await running).code, 0, "a command that lost its daemon says so");
    const third = await read();
    assert.ok(third > second);

    // A state that is not this data's, and none at all: the VM does not notice.
    const { database, dataDir } = layoutFrom(host.env);
    const hashes = async (): Promise<unknown> =>
      [...(await hashTree(dataDir))].filter(([path]) => !path.startsWith("vms/"));
    const files = await hashes();
    await host.ok(["daemon", "stop"]);
    const elsewhere = await host.banger(["vm", "list"], { env: { XDG_STATE_HOME: join(host.folder, "other") } });
    assert.match(elsewhere.stderr, /STATE_MISMATCH/);
    const fourth = await read();
    assert.ok(fourth > third);
    for (const lose of [
      () => rm(database),
      () => truncate(database, 0),
      () => writeFile(database, "garbage".repeat(999)),
    ]) {
      await host.ok(["daemon", "stop"]);
      for (const end of ["-wal", "-shm"]) await rm(`${database}${end}`, { force: true });
      await lose();
      assert.match(
        (await host.banger(["vm", "list"])).stderr,
        /STATE_(?:MISMATCH|CORRUPT)[\s\S]*banger daemon recover/,
      );
      const said = await host.banger(["daemon", "recover"]);
      assert.match(said.stderr, /VM counter: taken back, pid/);
      assert.equal((await host.json<VmRow>(["vm", "inspect", "counter"])).pid, before.pid);
    }
    assert.ok((await read()) > fourth);
    assert.deepEqual(await hashes(), files);
    assert.deepEqual(await host.json(["system", "orphans"]), []);

    const vm = await host.json<{ id: string; pid: number }>(["vm", "inspect", "counter"]);
    await host.ok(["vm", "stop", "counter"]);
    await host.ok(["vm", "delete", "counter"]);
    assert.deepEqual(
      (await host.files()).filter((path) => path.includes(vm.id)),
      [],
    );
    assert.equal(await identifyProcess(vm.pid), undefined, "its VMM still runs");
    await host.ok(["daemon", "stop"]);
    assert.deepEqual(await host.processes(), []);
  });

  test("and a VMM that died with it is told of, and starts again", async () => {
    await using host = await TestHost.start();
    await using image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--name", "mortal", "--image", "busybox", "--memory", "256M"]);
    const { pid } = await host.json<{ pid: number }>(["vm", "inspect", "mortal"]);
    process.kill(await host.daemonPid(), "SIGKILL");
    process.kill(pid, "SIGKILL");
    const [listed] = await host.json<VmRow[]>(["vm", "list"]);
    assert.equal(listed?.state, "failed");
    await host.ok(["vm", "start", "mortal"]);
    await host.ok(["vm", "exec", "mortal", "--", "true"]);

    // And with the daemon there: the crash shows at once.
    const again = await host.json<{ pid: number }>(["vm", "inspect", "mortal"]);
    process.kill(again.pid, "SIGKILL");
    const failed = await host.banger(["vm", "exec", "mortal", "--", "sleep", "5"]);
    assert.notEqual(failed.code, 0);
    assert.equal((await host.json<VmRow>(["vm", "inspect", "mortal"])).state, "failed");
    await host.ok(["vm", "delete", "mortal"]);
  });
});
