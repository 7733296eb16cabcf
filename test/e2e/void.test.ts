import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { makeVoidKernelPackage, makeVoidRootfs, sumOf } from "../helpers/void-stand-ins.ts";

/** Stand-ins of Void's archives, of the same form: Debian's kernel in a package of xbps, busybox in a rootfs tarball. */
suite("Void by hand", { timeout: 900_000 }, () => {
  test("a kernel package and a rootfs tarball become a VM, and the files stay as they were", async () => {
    await using host = await TestHost.start();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    const { id, release } = await host.json<{ id: string; release: string }>(["kernel", "inspect", "debian-cloud"]);
    const files = join(host.folder, ".local/share/banger/kernels", id);
    const made = await mkdtemp(join(host.folder, "made-"));
    const kernel = { release, vmlinuz: join(files, "image"), modules: join(files, "modules") };
    const kernelPackage = await makeVoidKernelPackage(made, kernel);
    const rootfs = await makeVoidRootfs(made);

    const out = join(host.folder, "manual");
    const script = async (name: string, ...args: readonly string[]): Promise<string> => {
      const result = await host.run(join(ROOT, "scripts", name), [...args, "--out", out]);
      assert.equal(result.code, 0, `${name}: ${result.stderr}`);
      return result.stdout.toString();
    };
    await script("make-kernel-void.sh", "--from", kernelPackage, "--sha256", await sumOf(kernelPackage));
    await script("make-rootfs-void.sh", "--from", rootfs);
    const disk = join(out, "void/rootfs.ext4");
    const before = await sumOf(disk);
    await script("void-register.sh");
    assert.equal((await host.json<{ managed: boolean }>(["image", "inspect", "void"])).managed, false);

    await host.ok(["vm", "create", "--name", "box", "--image", "void", "--memory", "512M"]);
    assert.equal((await host.ok(["vm", "exec", "box", "--", "uname", "-r"])).trim(), release);
    assert.match(await host.ok(["vm", "exec", "box", "--", "cat", "/etc/os-release"]), /^ID="void"$/m);
    assert.match(await host.ok(["vm", "ssh", "box", "--", "id"]), /uid=0/);
    await host.ok(["vm", "delete", "--force", "box"]);
    assert.equal(await sumOf(disk), before, "banger does not write to a file of the user's");

    // A second try says what is in the way, and leaves what is there.
    const again = await host.run(join(ROOT, "scripts/void-register.sh"), ["--out", out]);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /NAME_TAKEN/);
    assert.deepEqual((await readdir(join(out, "void"))).toSorted(), ["modules", "rootfs.ext4", "vmlinuz"]);
  });

  test("make's targets call the scripts with what they are given", async () => {
    const makefile = await readFile(join(ROOT, "Makefile"), "utf8");
    assert.match(makefile, /^void-kernel: /m);
    await using host = await TestHost.start();
    const told = async (...args: readonly string[]): Promise<string> =>
      (await host.run("make", ["--silent", "-C", ROOT, "-n", ...args])).stdout.toString();
    assert.match(
      await told("void-kernel", "FROM=/a b.xbps", "SHA256=12"),
      /^scripts\/make-kernel-void\.sh --from "\/a b\.xbps" --sha256 "12"$/m,
    );
    assert.match(await told("rootfs-void", "FROM=r.tar.xz"), /^scripts\/make-rootfs-void\.sh --from "r\.tar\.xz" ?$/m);
    assert.match(await told("void-register"), /^scripts\/void-register\.sh$/m);
  });
});
