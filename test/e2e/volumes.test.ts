import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { prepareStandIn, standInAs } from "../helpers/stand-in.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

interface VolumeRow {
  readonly id: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly usedBytes: number;
  readonly usedBy: readonly { readonly vm: string; readonly readOnly: boolean; readonly running: boolean }[];
}

const noStandIn = prepareStandIn();

for (const vmm of ["qemu", "firecracker"] as const) {
  suite(`volumes on ${vmm}`, { skip: vmm === "firecracker" && (noStandIn ?? false), timeout: 900_000 }, () => {
    let host: TestHost;
    let image: Awaited<ReturnType<typeof busyboxImage>>;

    before(async () => {
      host = await TestHost.start();
      const config = join(host.folder, ".config/banger");
      await mkdir(config, { recursive: true });
      if (vmm === "firecracker") {
        await writeFile(join(config, "config.toml"), `firecracker_bin = ${JSON.stringify(standInAs("1.15.1"))}\n`);
      }
      image = await busyboxImage();
      await host.ok(["kernel", "import", "generic", "--vmlinux", genericKernel()]);
      await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    });

    after(async () => {
      await host[Symbol.asyncDispose]();
      await image[Symbol.asyncDispose]();
    });

    const create = (name: string, ...words: readonly string[]) =>
      host.banger(["vm", "create", "--name", name, "--image", "busybox", "--memory", "128M", "--vmm", vmm, ...words]);
    const sh = (vm: string, script: string): Promise<string> => host.ok(["vm", "exec", vm, "--", "sh", "-c", script]);
    const volume = (name: string): Promise<VolumeRow> => host.json<VolumeRow>(["volume", "inspect", name]);

    test("what is written to one outlives the VM, and its next one finds it", async () => {
      assert.match(await host.ok(["volume", "create", "data", "--size", "64M"]), /Volume data is made/);
      const { code, stderr } = await create("one", "--volume", "data:/srv/data");
      assert.equal(code, 0, stderr);
      assert.match(await sh("one", "mount"), /\/dev\/vdb on \/srv\/data type ext4 \(rw,nodev/);
      await sh("one", "echo precious >/srv/data/kept");
      assert.match(await host.ok(["volume", "list"]), /data +64 MiB .* one at \/srv\/data/);
      assert.match((await host.banger(["volume", "delete", "data"])).stderr, /VOLUME_IN_USE[\s\S]*VM one mounts it/);
      await host.ok(["vm", "delete", "one", "--force"]);
      assert.deepEqual((await volume("data")).usedBy, []);
      assert.equal((await create("two", "--volume", "data:/other")).code, 0);
      assert.equal(await sh("two", "cat /other/kept"), "precious\n");
    });

    test("a VM has several, with its work disk and one inside another, more than a microvm has room for too", async () => {
      // The stand-in has fewer places than Firecracker.
      const names = vmm === "qemu" ? ["a", "b", "c", "d"] : ["a", "b"];
      const work = vmm === "qemu" ? ["--work-disk", "32M"] : [];
      for (const name of names) await host.ok(["volume", "create", name, "--size", "32M"]);
      const words = names.flatMap((name) => ["--volume", `${name}:${name === "a" ? "/vol/b/a" : `/vol/${name}`}`]);
      const { code, stderr } = await create("many", ...work, ...words);
      assert.equal(code, 0, stderr);
      for (const name of names) await sh("many", `echo ${name} >/vol/${name === "a" ? "b/a" : name}/name`);
      await host.ok(["vm", "stop", "many"]);
      await host.ok(["vm", "start", "many"]);
      const files = names.map((name) => `/vol/${name === "a" ? "b/a" : name}/name`).join(" ");
      const told = names.map((name) => `${name}\n`).join("");
      assert.equal(await sh("many", `cat ${files}; mount | grep -c ' /vol'`), `${told}${names.length}\n`);
      await host.ok(["vm", "delete", "many", "--force"]);
    });

    // Who may have which volume is the daemon's own affair, whatever runs its VMs.
    if (vmm !== "qemu") return;

    test("one that is written to is no other VM's, however it asks", async () => {
      for (const mode of ["", ":ro"]) {
        const refused = await create("three", "--volume", `data:/data${mode}`);
        assert.match(refused.stderr, /VOLUME_IN_USE[\s\S]*VM two writes to it[\s\S]*banger vm stop two/);
      }
      const small = await host.banger(["volume", "resize", "data", "--size", "128M"]);
      assert.match(small.stderr, /VOLUME_IN_USE[\s\S]*VM two has it mounted/);
    });

    test("many read it at once, and none of them can write", async () => {
      await host.ok(["vm", "stop", "two"]);
      assert.equal((await host.run("e2fsck", ["-fn", (await volume("data")).path])).code, 0);
      assert.equal((await create("reader", "--volume", "data:/data:ro")).code, 0);
      assert.equal((await create("another", "--volume", "data:/data:ro")).code, 0);
      assert.equal(
        await sh("another", "cat /data/kept; echo x 2>/dev/null >/data/x || echo refused"),
        "precious\nrefused\n",
      );
      const writer = await host.banger(["vm", "start", "two"]);
      assert.match(writer.stderr, /VOLUME_IN_USE[\s\S]*reads it, and this VM would write to it/);
      await host.ok(["vm", "delete", "reader", "another", "--force"]);
      const once = ["run", "--volume", "data:/data", "busybox", "--", "sh", "-c"];
      await host.ok([...once.slice(0, 1), "--vmm", vmm, "--memory", "128M", ...once.slice(1), "echo once >/data/run"]);
    });

    test("grows, and the guest that writes to it next has the room", async () => {
      assert.match((await host.banger(["volume", "resize", "data", "--size", "32M"])).stderr, /volumes only grow/);
      await host.ok(["volume", "resize", "data", "--size", "256M"]);
      await host.ok(["vm", "start", "two"]);
      assert.equal(await sh("two", "cat /other/run"), "once\n");
      const megabytes = Number((await sh("two", "df -m /other | tail -1")).split(/ +/)[1]);
      assert.ok(megabytes > 200, `${megabytes} MB`);
      await host.ok(["vm", "stop", "two"]);
      assert.equal((await host.run("e2fsck", ["-fn", (await volume("data")).path])).code, 0);
    });

    test("one whose writer was killed is read only after somebody has brought its journal in", async () => {
      await host.ok(["vm", "start", "two"]);
      await sh("two", "echo new >/other/new; sync");
      await host.ok(["vm", "stop", "two", "--force"]);
      const unclean = await create("reader", "--volume", "data:/data:ro");
      assert.match(unclean.stderr, /VOLUME_UNCLEAN[\s\S]*mounts it for writing/);
      await host.ok(["vm", "start", "two"]);
      assert.equal(await sh("two", "cat /other/new /other/kept"), "new\nprecious\n");
      await host.ok(["vm", "delete", "two", "--force"]);
      await host.ok(["volume", "delete", "data"]);
    });

    test("what cannot be is refused, and changes nothing", async () => {
      const told = async (...words: readonly string[]) => (await create("bad", "--no-start", ...words)).stderr;
      assert.match(await told("--volume", "nothing:/data"), /VOLUME_NOT_FOUND[\s\S]*banger volume list/);
      assert.match(await told("--volume", "a:data"), /--volume cannot be "a:data"[\s\S]*NAME:\/PATH/);
      for (const path of ["/", "/usr", "/proc/x", "/a/../b", "/with blank", "/work", '/q"uote']) {
        assert.match(await told("--volume", `a:${path}`), /--volume/, path);
      }
      assert.match(await told("--volume", "a:/x", "--volume", "a:/y"), /volume a is asked for twice/);
      assert.match(await told("--volume", "a:/x", "--volume", "b:/x"), /two volumes are to be mounted on \/x/);
      assert.match((await host.banger(["volume", "create", "a", "--size", "32M"])).stderr, /NAME_TAKEN/);
      assert.match((await host.banger(["volume", "create", "e", "--size", "1M"])).stderr, /at least 16M/);
      assert.match((await host.banger(["volume", "create", "e"])).stderr, /--size is missing/);
      assert.deepEqual(await host.json(["vm", "list"]), []);
    });
  });
}
