import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { ROOT, TestHost } from "../helpers/test-host.ts";

const exec = promisify(execFile);

interface ImageRow {
  readonly id: string;
  readonly managed: boolean;
  readonly origin: string;
  readonly kernel: string;
  readonly agent: string;
  readonly agentVersion?: string;
  readonly trouble: readonly string[];
  readonly rootfs: { readonly path: string; readonly sha256?: string };
  readonly workSeed?: { readonly path: string };
}

interface VmRow {
  readonly id: string;
  readonly disks: readonly {
    readonly id: string;
    readonly strategy: string;
    readonly base?: { readonly path: string };
  }[];
}

/** Images of the user's own files: registered where they lie, then made banger's own. */
suite("an image of one's own files", { timeout: 900_000 }, () => {
  let host: TestHost;
  let files: string;
  const at = (name: string): string => join(files, name);

  before(async () => {
    host = await TestHost.start();
    files = join(host.folder, "mine");
    await mkdir(files);
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await makeRootfs(at("rootfs.ext4"));
    await makeVolume(at("seed.ext4"), "32M", { "hello.txt": "from the seed\n" });
  });

  after(() => host[Symbol.asyncDispose]());

  /** A file system as users make them, by mke2fs, with busybox and nothing of banger's. */
  async function makeRootfs(path: string): Promise<void> {
    const tree = at("tree");
    for (const folder of ["bin", "etc", "tmp", "usr"]) await mkdir(join(tree, folder), { recursive: true });
    await copyFile("/bin/busybox", join(tree, "bin", "busybox"));
    for (const name of ["sh", "cat", "echo", "ls", "mount", "test"]) await symlink("busybox", join(tree, "bin", name));
    await writeFile(join(tree, "etc", "os-release"), 'ID=mine\nPRETTY_NAME="Mine 1"\n');
    await exec("mke2fs", ["-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", tree, path, "300M"]);
  }

  async function makeVolume(path: string, size: string, content: Readonly<Record<string, string>>): Promise<void> {
    const tree = `${path}.tree`;
    await mkdir(tree);
    for (const [name, text] of Object.entries(content)) await writeFile(join(tree, name), text);
    await exec("mke2fs", ["-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", tree, path, size]);
  }

  const sh = (vm: string, script: string): Promise<string> => host.ok(["vm", "exec", vm, "--", "sh", "-c", script]);
  const inspect = (name: string): Promise<ImageRow> => host.json<ImageRow>(["image", "inspect", name]);
  const digest = async (path: string): Promise<string> => (await exec("sha256sum", [path])).stdout.slice(0, 64);

  test("is registered where it lies, and its VMs never write to it", async () => {
    const before_ = await digest(at("rootfs.ext4"));
    await host.ok([
      ..."image register mine --rootfs mine/rootfs.ext4 --work-seed mine/seed.ext4".split(" "),
      "--kernel-ref",
      "debian-cloud",
    ]);
    const row = await inspect("mine");
    assert.deepEqual(
      [row.managed, row.origin, row.agent, row.rootfs.path],
      [false, "register", "none", at("rootfs.ext4")],
    );
    await host.ok(["vm", "create", "--name", "box", "--image", "mine", "--memory", "256M"]);
    assert.equal(await sh("box", "echo written > /here; cat /work/hello.txt"), "from the seed\n");
    assert.match(await sh("box", "mount"), /\/dev\/vdb on \/work/);
    await host.ok(["vm", "stop", "box"]);
    assert.equal(await digest(at("rootfs.ext4")), before_);
    // What holds no agent of its own is built on by the one that the initramfs brings.
    await writeFile(join(host.folder, "mark.sh"), "#!/bin/sh\necho built > /mark\n");
    await host.ok(["image", "build", "--from-image", "mine", "--name", "marked", "--script", "mark.sh"]);
    const marked = await inspect("marked");
    assert.deepEqual([marked.managed, marked.agent], [true, "none"]);
    assert.match(marked.workSeed?.path ?? "", /images\/img-.*\/work-seed\.ext4/);
    const read = await host.run("debugfs", ["-R", "cat /mark", marked.rootfs.path]);
    assert.equal(read.stdout.toString("utf8"), "built\n");
    await host.ok(["image", "delete", "marked"]);
    assert.equal(await digest(at("rootfs.ext4")), before_);
    const [only] = await host.json<{ name: string }[]>(["image", "list"]);
    assert.equal(only?.name, "mine", "nothing is registered but what was");
  });

  test("lends nothing to what is built from it: its work-seed is copied", async () => {
    await writeFile(join(host.folder, "nothing.sh"), "#!/bin/sh\n");
    await host.ok(["image", "build", "--from-image", "mine", "--name", "built", "--script", "nothing.sh"]);
    const { workSeed } = await inspect("built");
    const [users, ours] = await Promise.all([stat(at("seed.ext4")), stat(workSeed?.path ?? "")]);
    assert.notEqual(ours.ino, users.ino, "what the user writes would be the image's");
    assert.equal(await digest(workSeed?.path ?? ""), await digest(at("seed.ext4")));
    assert.ok(ours.blocks <= users.blocks, "holes stay holes");
    await host.ok(["image", "delete", "built"]);
  });

  test("that changed or vanished makes no VMs, and says what to do", async () => {
    await exec("touch", ["-r", at("rootfs.ext4"), at("as-it-was")]);
    await utimes(at("rootfs.ext4"), new Date(), new Date(0));
    for (const words of [
      ["vm", "create", "--image", "mine"],
      ["vm", "start", "box"],
    ]) {
      const refused = await host.banger(words);
      assert.match(refused.stderr, /IMAGE_FILES_CHANGED[\s\S]*was written to[\s\S]*banger image register/);
    }
    const again = await host.banger([
      "image",
      "register",
      "mine",
      "--rootfs",
      "mine/rootfs.ext4",
      "--work-seed",
      "mine/seed.ext4",
    ]);
    assert.match(again.stderr, /IMAGE_IN_USE[\s\S]*box/, "a VM reads from it");
    await exec("touch", ["-r", at("as-it-was"), at("rootfs.ext4")]);
    await rename(at("seed.ext4"), at("elsewhere"));
    assert.match((await inspect("mine")).trouble.join(), /seed\.ext4 is gone/);
    assert.match((await host.banger(["image", "list"])).stderr, /mine: .*seed\.ext4 is gone/);
    assert.match((await host.banger(["image", "promote", "mine"])).stderr, /IMAGE_FILES_CHANGED/);
    await rename(at("elsewhere"), at("seed.ext4"));
    assert.deepEqual((await inspect("mine")).trouble, []);
  });

  test("is not promoted while a VM runs on it", async () => {
    await host.ok(["vm", "start", "box"]);
    const refused = await host.banger(["image", "promote", "mine"]);
    assert.match(refused.stderr, /VM_WRONG_STATE[\s\S]*banger vm stop box/);
    assert.equal((await inspect("mine")).managed, false);
    await host.ok(["vm", "stop", "box"]);
  });

  test("is promoted, its files go, and its VMs boot as they were", async () => {
    const wanted = await digest(at("rootfs.ext4"));
    await host.ok(["image", "promote", "mine"]);
    const row = await inspect("mine");
    assert.equal(row.managed, true);
    assert.equal(row.rootfs.sha256, `sha256:${wanted}`);
    assert.equal(await digest(row.rootfs.path), wanted);
    const copied = (await stat(row.rootfs.path)).blocks * 512;
    assert.ok(copied < 60 * 1024 ** 2, `the copy is sparse: ${copied} bytes`);
    await rm(files, { recursive: true });
    await host.ok(["vm", "start", "box"]);
    assert.equal(await sh("box", "cat /here /work/hello.txt"), "written\nfrom the seed\n");
    await host.ok(["vm", "delete", "--force", "box"]);
    await host.ok(["vm", "create", "--name", "new", "--image", "mine", "--memory", "256M"]);
    assert.equal(await sh("new", "cat /work/hello.txt; test -e /here || echo fresh"), "from the seed\nfresh\n");
    await host.ok(["vm", "stop", "new"]);
    assert.match(await host.ok(["image", "promote", "mine"]), /banger's own/, "again changes nothing");
  });

  test("gets banger's agent by a refresh, and VMs on its old file go on", async () => {
    const old = (await inspect("mine")).rootfs.path;
    await host.ok(["image", "refresh", "mine"]);
    const row = await inspect("mine");
    assert.equal(row.agent, "current");
    assert.notEqual(row.rootfs.path, old);
    const judged = await host.run("e2fsck", ["-fn", row.rootfs.path]);
    assert.equal(judged.code, 0, judged.stdout.toString("utf8"));
    const base = (await host.json<VmRow>(["vm", "inspect", "new"])).disks.find(({ id }) => id === "root")?.base?.path;
    assert.equal(base, old);
    await host.ok(["vm", "start", "new"]);
    assert.equal(await sh("new", "cat /work/hello.txt"), "from the seed\n");
    await host.ok(["vm", "delete", "--force", "new"]);
    await assert.rejects(stat(old), "nobody reads from it any more");
    await host.ok(["vm", "create", "--name", "after", "--image", "mine", "--memory", "256M"]);
    assert.match(await sh("after", "ls -l /usr/local/libexec"), /-rwxr-xr-x .*banger-vsock-agent/);
    await host.ok(["vm", "delete", "--force", "after"]);
    assert.match(await host.ok(["image", "refresh", "mine"]), /this banger's agent/);
  });

  test("with an agent of another banger says so, and is mended without a pull", async () => {
    const other = join(host.folder, "bin");
    await mkdir(other);
    await exec(
      join(ROOT, "build/tools/bin/go"),
      [
        "build",
        "-ldflags",
        "-s -w -X main.version=0.0.1",
        "-o",
        join(other, "banger-vsock-agent"),
        "./cmd/banger-vsock-agent",
      ],
      { cwd: join(ROOT, "agent"), env: { ...process.env, CGO_ENABLED: "0" } },
    );
    await host.ok(["daemon", "stop"]);
    const upgraded = { env: { BANGER_AGENT: join(other, "banger-vsock-agent") } };
    const listed = await host.banger(["image", "list"], upgraded);
    assert.match(listed.stderr, /banger image refresh mine/);
    const created = await host.banger(
      ["vm", "create", "--name", "late", "--image", "mine", "--memory", "256M"],
      upgraded,
    );
    assert.equal(created.code, 0, created.stderr);
    assert.match(created.stderr, /the agent in image mine is that of banger .*banger image refresh mine/s);
    await writeFile(join(host.folder, "true.sh"), "#!/bin/sh\n");
    const built = await host.banger(
      ["image", "build", "--from-image", "mine", "--name", "x", "--script", "true.sh"],
      upgraded,
    );
    assert.match(built.stderr, /IMAGE_OUTDATED[\s\S]*banger image refresh mine/);
    await host.ok(["image", "refresh", "mine"], upgraded);
    const row = JSON.parse(await host.ok(["image", "inspect", "mine", "--json"], upgraded)) as ImageRow;
    assert.equal(row.agent, "current");
    await host.ok(["vm", "delete", "--force", "late"], upgraded);
    await host.ok(["vm", "create", "--name", "later", "--image", "mine", "--memory", "256M"], upgraded);
    assert.match(
      await host.ok(["vm", "exec", "later", "--", "/usr/local/libexec/banger-vsock-agent", "version"], upgraded),
      /^0\.0\.1$/m,
    );
    await host.ok(["vm", "delete", "--force", "later"], upgraded);
    await host.ok(["daemon", "stop"], upgraded);
  });

  test("brings its own kernel, which goes with it", async () => {
    const kernel = await host.json<{ id: string; files: { image: { path: string }; modules: string } }>([
      "kernel",
      "inspect",
      "debian-cloud",
    ]);
    const folder = join(host.folder, ".local/share/banger/kernels", kernel.id);
    await mkdir(files, { recursive: true });
    await makeRootfs(at("rootfs.ext4"));
    await copyFile(join(folder, kernel.files.image.path), at("vmlinuz"));
    await host.ok([
      ..."image register own --rootfs mine/rootfs.ext4 --kernel mine/vmlinuz".split(" "),
      "--modules",
      join(folder, kernel.files.modules),
    ]);
    assert.equal((await inspect("own")).kernel, "own");
    await rm(at("vmlinuz"));
    await host.ok(["vm", "create", "--name", "with-own", "--image", "own", "--memory", "256M"]);
    assert.match(await host.ok(["vm", "exec", "with-own", "--", "cat", "/etc/os-release"]), /Mine 1/);
    assert.match((await host.banger(["image", "delete", "own"])).stderr, /IMAGE_IN_USE/);
    await host.ok(["vm", "delete", "--force", "with-own"]);
    await host.ok(["image", "delete", "own"]);
    assert.match((await host.banger(["kernel", "inspect", "own"])).stderr, /KERNEL_NOT_FOUND/);
    assert.ok((await stat(at("rootfs.ext4"))).isFile(), "the user's file is the user's");
  });

  test("is refused where it is no ext4, and told what it is", async () => {
    await exec("qemu-img", ["create", "-q", "-f", "qcow2", at("disk.qcow2"), "1G"]);
    await writeFile(at("xfs"), Buffer.concat([Buffer.from("XFSB"), Buffer.alloc(70_000)]));
    await writeFile(at("text"), "no file system");
    const before_ = await host.files(".local", "share", "banger");
    for (const [words, wanted] of [
      [["--rootfs", "mine/disk.qcow2"], /EXT4_INVALID[\s\S]*qcow2[\s\S]*qemu-img convert/],
      [["--rootfs", "mine/xfs"], /EXT4_INVALID[\s\S]*XFS[\s\S]*mke2fs/],
      [["--rootfs", "mine/text"], /EXT4_INVALID/],
      [["--rootfs", "mine"], /FILE_UNREADABLE[\s\S]*no file/],
      [["--rootfs", "mine/none"], /FILE_UNREADABLE/],
      [["--rootfs", "mine/rootfs.ext4", "--kernel", "mine/text"], /KERNEL_INVALID/],
      [["--rootfs", "mine/rootfs.ext4", "--modules", "mine"], /BAD_REQUEST[\s\S]*--kernel/],
      [["--rootfs", "mine/rootfs.ext4", "--kernel-ref", "none"], /KERNEL_NOT_FOUND/],
      [[], /BAD_USAGE[\s\S]*--rootfs/],
    ] as const) {
      const refused = await host.banger(["image", "register", "bad", ...words]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, wanted);
    }
    assert.deepEqual(await host.files(".local", "share", "banger"), before_);
    assert.match((await host.banger(["image", "inspect", "bad"])).stderr, /IMAGE_NOT_FOUND/);
  });
});
