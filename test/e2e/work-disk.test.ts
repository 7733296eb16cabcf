import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";

interface VmRow {
  readonly id: string;
  readonly image: { readonly name: string };
  readonly spec: { readonly vcpus: number; readonly memoryBytes: number };
  readonly disks: readonly { readonly id: string; readonly path: string; readonly sizeBytes: number }[];
}

/** What is on /work stays, whatever becomes of the system beside it. */
suite("a work disk", { timeout: 600_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "first"]);
    await host.ok(["image", "pull", image.reference, "--name", "second"]);
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  const sh = (script: string): Promise<string> => host.ok(["vm", "exec", "box", "--", "sh", "-c", script]);
  const disk = async (id: string): Promise<VmRow["disks"][number]> => {
    const vm = await host.json<VmRow>(["vm", "inspect", "box"]);
    const found = vm.disks.find((candidate) => candidate.id === id);
    assert.ok(found, `no ${id} disk`);
    return found;
  };
  const megabytes = async (mount: string): Promise<number> =>
    Number((await sh(`df -m ${mount}`)).trim().split("\n").at(-1)?.split(/ +/)[1]);

  test("is there from the first boot, and a VM that did not ask has none", async () => {
    await host.ok(["vm", "create", "--name", "box", "--image", "first", "--memory", "256M", "--work-disk", "64M"]);
    await sh("echo precious > /work/kept; echo of the system > /lost");
    assert.match(await sh("mount"), /\/dev\/vdb on \/work type ext4/);
    await writeFile(join(host.folder, "vm.toml"), `image = "first"\nname = "none"\nmemory = "1G"\nvcpus = 1\n`);
    await host.ok(["vm", "create", "--file", "vm.toml", "--memory", "256M", "--no-start"]);
    const none = await host.json<VmRow>(["vm", "inspect", "none"]);
    assert.equal(none.disks.length, 1);
    assert.deepEqual([none.spec.vcpus, none.spec.memoryBytes], [1, 256 * 1024 ** 2], "the flag wins over the file");
    await host.ok(["vm", "delete", "none"]);
  });

  test("cannot be lost to a rebase of a running VM, nor be too small", async () => {
    const running = await host.banger(["vm", "rebase", "box", "--image", "second"]);
    assert.match(running.stderr, /VM_WRONG_STATE[\s\S]*banger vm stop box/);
    const grown = await host.banger(["vm", "resize", "box", "--work-disk-size", "128M"]);
    assert.match(grown.stderr, /VM_WRONG_STATE/);
    const tiny = await host.banger(["vm", "create", "--image", "first", "--work-disk", "1M"]);
    assert.match(tiny.stderr, /--work-disk cannot be[\s\S]*16M/);
  });

  test("outlives a change of the image, and its file system is clean", async () => {
    await host.ok(["vm", "stop", "box"]);
    const work = await disk("work");
    const judged = await host.run("e2fsck", ["-fn", work.path]);
    assert.equal(judged.code, 0, judged.stdout.toString("utf8"));
    const before = await disk("root");
    await host.ok(["vm", "rebase", "box", "--image", "second"]);
    const vm = await host.json<VmRow>(["vm", "inspect", "box"]);
    assert.equal(vm.image.name, "second");
    assert.deepEqual(await disk("work"), work);
    await assert.rejects(stat(before.path), "the old root disk is gone");
    await host.ok(["image", "delete", "first"]);
    await host.ok(["vm", "start", "box"]);
    assert.equal(await sh("cat /work/kept; test -e /lost || echo none"), "precious\nnone\n");
    await host.ok(["vm", "stop", "box"]);
  });

  test("grows, and its guest grows into it", async () => {
    const shrunk = await host.banger(["vm", "resize", "box", "--work-disk-size", "32M"]);
    assert.match(shrunk.stderr, /VM_SPEC_INVALID[\s\S]*only grow/);
    await host.ok(["vm", "resize", "box", "--work-disk-size", "512M", "--disk-size", "20G"]);
    await host.ok(["vm", "start", "box"]);
    assert.ok((await megabytes("/work")) > 450, await sh("df -m"));
    assert.ok((await megabytes("/")) > 19_000, await sh("df -m"));
    assert.equal(await sh("cat /work/kept"), "precious\n");
    await host.ok(["vm", "stop", "box"]);
  });

  test("a daemon that died in a rebase leaves the disks that the VM names", async () => {
    const root = await disk("root");
    const stray = join(dirname(root.path), "root-zzzzzzzz");
    const { id } = await host.json<VmRow>(["vm", "inspect", "box"]);
    await host.ok(["daemon", "stop"]);
    await writeFile(stray, "half of a disk");
    const database = new DatabaseSync(join(host.folder, ".local/state/banger/banger.db"));
    const insert = "INSERT INTO intents (id, kind, subject, startedAt) VALUES ('int-1', 'vm.rebase', ?, '2026-01-01')";
    database.prepare(insert).run(id);
    database.close();
    await host.ok(["daemon", "start"]);
    const { recovered: told } = await host.json<{ recovered: readonly string[] }>(["daemon", "status"]);
    assert.match(told.join("\n"), /box: settled/);
    await assert.rejects(stat(stray));
    assert.ok((await stat(root.path)).isFile());
    assert.ok((await stat((await disk("work")).path)).isFile());
  });

  test("that cannot be mounted ends the start, and says why", async () => {
    await writeFile((await disk("work")).path, Buffer.alloc(1024 ** 2), { flag: "r+" });
    const failed = await host.banger(["vm", "start", "box"]);
    assert.match(failed.stderr, /VM_START_FAILED[\s\S]*mount the work disk/);
    const vm = await host.json<{ id: string }>(["vm", "inspect", "box"]);
    await host.ok(["vm", "delete", "box"]);
    assert.deepEqual(
      (await host.files()).filter((path) => path.includes(vm.id)),
      [],
    );
  });
});
