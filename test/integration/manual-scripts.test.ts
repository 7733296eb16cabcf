import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { execa } from "execa";
import { run } from "../../src/lib/process.ts";
import { buildKernel, buildModule } from "../helpers/elf-builder.ts";
import { makeVoidKernelPackage, makeVoidRootfs, packVoid, sumOf } from "../helpers/void-stand-ins.ts";

const ROOT = join(import.meta.dirname, "../..");
const RELEASE = "6.12.9_1";

/** The scripts that people run by hand, as docs/manual-builds.md lists them. */
const SCRIPTS = [
  "scripts/make-generic-kernel.sh",
  "scripts/smoke-kernel.sh",
  "scripts/publish-kernel.sh",
  "scripts/make-rootfs-debian.sh",
  "scripts/make-rootfs-void.sh",
  "scripts/make-kernel-void.sh",
  "scripts/void-register.sh",
  "scripts/rootfs/fetch-void.sh",
  "kernel/fetch-source.sh",
  "kernel/check-config.sh",
] as const;
type Script = (typeof SCRIPTS)[number];

/** In a home of its own: what a script leaves behind shows there. */
function start(script: Script, args: readonly string[], home = tmpdir()) {
  const env = { HOME: home, XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache") };
  return execa(join(ROOT, script), args, { reject: false, env, cwd: home, timeout: 600_000 });
}

for (const script of SCRIPTS) {
  test(`${script} --help says how it is used, and a word that it does not know is wrong usage`, async () => {
    const help = await start(script, ["--help"]);
    assert.equal(help.exitCode, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`^usage: ${script.split("/").at(-1) ?? ""} `));
    assert.equal(help.stderr, "");
    assert.deepEqual(
      help.stdout.split("\n").filter((line) => line.length > 130),
      [],
    );
    const wrong = await start(script, ["--no-such-option"]);
    assert.notEqual(wrong.exitCode, 0);
    assert.notEqual(wrong.stderr, "");
    const text = await readFile(join(ROOT, script), "utf8");
    assert.match(text, /^set -euo pipefail$/m);
  });
}

suite("Void", () => {
  let dir: string;
  let kernelPackage: string;
  let rootfs: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "banger-void-"));
    await writeFile(join(dir, "vmlinuz"), buildKernel(RELEASE, { pvh: true }));
    await mkdir(join(dir, "modules/kernel"), { recursive: true });
    await writeFile(join(dir, "modules/kernel/a.ko"), buildModule({ name: "a", vermagic: `${RELEASE} SMP ` }));
    kernelPackage = await makeVoidKernelPackage(dir, {
      release: RELEASE,
      vmlinuz: join(dir, "vmlinuz"),
      modules: join(dir, "modules"),
    });
    rootfs = await makeVoidRootfs(dir);
  });
  after(() => rm(dir, { recursive: true }));

  /** Fails, says this, and leaves nothing but the folder it was to fill. */
  async function refuses(script: Script, from: string, says: RegExp, ...more: readonly string[]): Promise<void> {
    const out = await mkdtemp(join(dir, "out-"));
    const result = await start(script, ["--from", from, "--out", out, ...more], dir);
    assert.equal(result.exitCode, 1, result.stderr);
    assert.match(result.stderr, says);
    assert.deepEqual(await readdir(join(out, "void")), []);
  }

  test("a kernel package becomes a kernel with its modules, and nothing of it is run", async () => {
    const out = join(dir, "kernel");
    for (const sum of [[], ["--sha256", await sumOf(kernelPackage)]]) {
      const made = await start("scripts/make-kernel-void.sh", ["--from", kernelPackage, "--out", out, ...sum], dir);
      assert.equal(made.exitCode, 0, made.stderr);
      assert.equal(made.stdout, join(out, "void/vmlinuz"));
      assert.match(made.stderr, /linux6\.12 6\.12\.9_1: Linux 6\.12\.9_1/);
      assert.deepEqual((await readdir(join(out, "void"))).toSorted(), ["modules", "vmlinuz"]);
      assert.deepEqual(await readFile(made.stdout), await readFile(join(dir, "vmlinuz")));
      assert.deepEqual(await readdir(join(out, "void/modules/kernel")), ["a.ko"]);
    }
  });

  test("a package that is another, that was changed, or that is none is refused", async () => {
    const kernel = { release: RELEASE, vmlinuz: join(dir, "vmlinuz"), modules: join(dir, "modules") };
    const other = await makeVoidKernelPackage(dir, { ...kernel, package: "bash" });
    await refuses("scripts/make-kernel-void.sh", other, /is the package bash, and no kernel/);
    const changed = await mkdtemp(join(dir, "changed-"));
    await makeVoidKernelPackage(changed, kernel);
    const tree = join(changed, "linux6.12-tree");
    await appendFile(join(tree, `boot/vmlinuz-${RELEASE}`), "x");
    const repacked = await packVoid(changed, "changed.xbps", tree);
    await refuses("scripts/make-kernel-void.sh", repacked, /not the one that its files\.plist names/);
    await refuses("scripts/make-kernel-void.sh", join(dir, "vmlinuz"), /packed with neither zstd nor xz/);
    await refuses("scripts/make-kernel-void.sh", rootfs, /lacks props\.plist/);
  });

  test("a file that has not the sum it should have, and a URL without one, are refused", async () => {
    const script = "scripts/make-kernel-void.sh";
    await refuses(script, kernelPackage, /not the file with the sum/, "--sha256", "0".repeat(64));
    await refuses(script, kernelPackage, /no sha256/, "--sha256", "0123");
    await refuses(script, "https://127.0.0.1:1/x.xbps", /needs its sum/);
    await refuses(script, "http://127.0.0.1:1/x.xbps", /only https/, "--sha256", "0".repeat(64));
    await refuses(script, "https://127.0.0.1:1/x.xbps", /could not fetch/, "--sha256", "0".repeat(64));
    await refuses(script, join(dir, "absent"), /no such file/);
  });

  test("a rootfs tarball becomes an ext4 file system with the agent in it; what is none is refused", async () => {
    const out = join(dir, "rootfs");
    const args = ["--from", rootfs, "--out", out, "--size", "2G"];
    const made = await start("scripts/make-rootfs-void.sh", args, dir);
    assert.equal(made.exitCode, 0, made.stderr);
    assert.equal(made.stdout, join(out, "void/rootfs.ext4"));
    await run("e2fsck", ["-fn", made.stdout]);
    const inside = async (command: string) => (await run("debugfs", ["-R", command, made.stdout])).stdout;
    assert.match(await inside("cat /etc/os-release"), /Void Linux/);
    const libexec = await inside("ls -p /usr/local/libexec");
    assert.match(libexec, /\/100755\/0\/0\/banger-vsock-agent\//);
    assert.match(libexec, /\/120755\/0\/0\/banger-first-boot\//);
    assert.match(await inside("show_super_stats -h"), /Block count: +524288/);
    await refuses("scripts/make-rootfs-void.sh", kernelPackage, /is no \.tar\.xz/);
    await run("tar", ["-cJf", join(dir, "other.tar.xz"), "-C", dir, "vmlinuz"]);
    await refuses("scripts/make-rootfs-void.sh", join(dir, "other.tar.xz"), /no os-release/);
  });
});

test("what was not made cannot be registered", async () => {
  const result = await start("scripts/void-register.sh", ["--out", "/nonexistent"]);
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /make void-kernel FROM=/);
});

test("a root file system of Debian is made of its packages", { timeout: 600_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), "banger-rootfs-"));
  try {
    const made = await start("scripts/make-rootfs-debian.sh", ["--out", out]);
    assert.equal(made.exitCode, 0, made.stderr);
    assert.equal(made.stdout.split("\n").at(-1), join(out, "debian-bookworm/rootfs.ext4"));
    assert.match(made.stderr, /Debian GNU\/Linux 12 .*init: systemd/);
    await run("e2fsck", ["-fn", join(out, "debian-bookworm/rootfs.ext4")]);
    assert.deepEqual(await readdir(join(out, "debian-bookworm")), ["rootfs.ext4"]);
  } finally {
    await rm(out, { recursive: true });
  }
});

test("a suite, a name and an option's value that are none are refused before anything is made", async () => {
  for (const args of [["--suite", "../x"], ["--name", "a/b"], ["--size"]]) {
    const result = await start("scripts/make-rootfs-debian.sh", args);
    assert.equal(result.exitCode, 1, result.stderr);
    assert.match(result.stderr, /^make-rootfs-debian: --/);
  }
});
