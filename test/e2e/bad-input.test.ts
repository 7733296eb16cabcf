import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";

/** Each gives an error with its code, says what to do, and leaves nothing behind. */
suite("bad input", { timeout: 600_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;
  let before_: readonly string[];

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--name", "taken", "--image", "busybox", "--memory", "256M", "--no-start"]);
    before_ = await kept();
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  /** What banger owns, but for its log, database and finished downloads. */
  async function kept(): Promise<readonly string[]> {
    const files = await host.files(".local", "share", "banger");
    // A kernel's initramfs is made when it is first needed, and its modules are many.
    return files.filter((path) => !/^blobs|\/modules\/|\/initramfs-/.test(path));
  }

  async function refused(args: readonly string[], code: string, exit: number, text: RegExp): Promise<void> {
    const result = await host.banger(args);
    assert.equal(result.code, exit, result.stderr);
    assert.match(result.stderr, new RegExp(`error\\[${code}\\]`));
    assert.match(result.stderr, text);
    assert.match(result.stderr, /fix: \S/);
    assert.deepEqual(await kept(), before_, "something was left behind");
    const names = (await host.json<{ name: string }[]>(["vm", "list"])).map((vm) => vm.name);
    assert.deepEqual(names, ["taken"]);
  }

  test("an unknown image", () => refused(["vm", "create", "--image", "nope"], "IMAGE_NOT_FOUND", 3, /"nope"/));
  test("an unknown VM", () => refused(["vm", "stop", "nope"], "VM_NOT_FOUND", 3, /"nope"/));
  test("a name that is taken", () =>
    refused(["vm", "create", "--image", "busybox", "--name", "taken"], "NAME_TAKEN", 4, /taken/));
  test("a name with a slash", () =>
    refused(["vm", "create", "--image", "busybox", "--name", "a/b"], "NAME_INVALID", 2, /a\/b/));
  test("a name with dots", () =>
    refused(["vm", "create", "--image", "busybox", "--name", "../x"], "NAME_INVALID", 2, /\.\.\/x/));
  test("a memory of 0", () =>
    refused(["vm", "create", "--image", "busybox", "--memory", "0"], "BAD_REQUEST", 2, /memory/));
  test("a size that is none", () =>
    refused(["vm", "create", "--image", "busybox", "--memory", "lots"], "BAD_USAGE", 2, /lots/));
  test("a disk smaller than the image", () =>
    refused(["vm", "create", "--image", "busybox", "--disk-size", "1M"], "VM_SPEC_INVALID", 2, /too small/));
  test("a kernel that is missing", () =>
    refused(["vm", "create", "--image", "busybox", "--kernel-ref", "none"], "KERNEL_NOT_FOUND", 3, /"none"/));
  test("systemd where there is none", () =>
    refused(["vm", "create", "--image", "busybox", "--init", "systemd"], "GUEST_UNSUPPORTED", 2, /systemd cannot/));
  test("an unknown option", () => refused(["vm", "create", "--imgae", "busybox"], "BAD_USAGE", 2, /--image/));
  test("an unknown command", () => refused(["vm", "creat"], "BAD_USAGE", 2, /create/));
  test("a reference that is none", () => refused(["image", "pull", "UPPER CASE"], "REFERENCE_INVALID", 2, /UPPER/));
  test("a kernel file that is none", async () => {
    const file = join(host.folder, "text");
    await writeFile(file, "this is no kernel");
    await refused(["kernel", "import", "text", "--vmlinux", file], "KERNEL_INVALID", 2, /text|kernel/);
  });
  test("a kernel in use", () => refused(["kernel", "delete", "debian-cloud"], "KERNEL_IN_USE", 4, /image busybox/));
  test("an image in use", () => refused(["image", "delete", "busybox"], "IMAGE_IN_USE", 4, /taken/));

  test("a layer whose content is not what its digest says", async () => {
    await using broken = await busyboxImage();
    const manifestDigest =
      (JSON.parse(await readFile(join(broken.folder, "index.json"), "utf8")) as { manifests: { digest: string }[] })
        .manifests[0]?.digest ?? "";
    const blob = (digest: string): string => join(broken.folder, "blobs", ...digest.split(":"));
    const manifest = JSON.parse(await readFile(blob(manifestDigest), "utf8")) as { layers: { digest: string }[] };
    const layer = blob(manifest.layers.at(-1)?.digest ?? "");
    const bytes = await readFile(layer);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100);
    await writeFile(layer, bytes);
    await refused(["image", "pull", broken.reference, "--name", "broken"], "DIGEST_MISMATCH", 6, /digest/);
  });

  test("a registry that hangs up half-way", async () => {
    const server = createServer((socket) => {
      socket.once("data", () => socket.destroy());
      socket.on("error", () => {});
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    try {
      await refused(["image", "pull", `127.0.0.1:${port}/a/b:c`], "REGISTRY_UNREACHABLE", 6, /127\.0\.0\.1/);
    } finally {
      server.close();
    }
    await refused(["image", "pull", `127.0.0.1:${port}/a/b:c`], "REGISTRY_UNREACHABLE", 6, /127\.0\.0\.1/);
  });

  test("a misspelt key in the configuration", async () => {
    await using other = await TestHost.start();
    await mkdir(join(other.folder, ".config", "banger"), { recursive: true });
    await writeFile(join(other.folder, ".config", "banger", "config.toml"), "\n\nvmn = 1\n");
    const result = await other.banger(["vm", "list"]);
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, /error\[CONFIG_INVALID\][\s\S]*config\.toml[\s\S]*line 3[\s\S]*"vmn"/);
  });

  test("no QEMU installed", async () => {
    await using other = await TestHost.start();
    const bin = join(other.folder, "bin");
    await mkdir(bin);
    // Everything of /usr/bin but QEMU.
    for (const dir of (process.env["PATH"] ?? "").split(delimiter)) {
      const files = await readdir(dir).catch(() => []);
      for (const file of files.filter((name) => !name.startsWith("qemu"))) {
        await symlink(join(dir, file), join(bin, file)).catch(() => {});
      }
    }
    const env = { PATH: bin };
    const doctor = await other.banger(["doctor"], { env });
    assert.notEqual(doctor.code, 0);
    assert.match(doctor.stdout.toString("utf8"), /apt(-get)? install.* qemu-system-x86/);
    await other.ok(["kernel", "pull", "debian-cloud"], { env });
    await other.ok(["image", "pull", image.reference, "--name", "busybox"], { env });
    const result = await other.banger(["vm", "create", "--image", "busybox", "--name", "x"], { env });
    assert.equal(result.code, 5, result.stderr);
    assert.match(result.stderr, /error\[TOOL_MISSING\][\s\S]*qemu-system-x86/);
    assert.deepEqual(await other.json(["vm", "list"]), []);
  });

  test(
    "a disk that is full",
    { skip: process.getuid?.() === 0 ? false : "mounting a small disk needs root" },
    async () => {
      await using other = await TestHost.start();
      const share = join(other.folder, ".local", "share");
      await mkdir(share, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", share]);
      try {
        const result = await other.banger(["image", "pull", image.reference, "--name", "full"]);
        assert.equal(result.code, 5, result.stderr);
        assert.match(result.stderr, /error\[DISK_FULL\]/);
        const left = (await other.files(".local", "share", "banger")).filter((path) => !path.startsWith("blobs"));
        assert.deepEqual(
          left.filter((path) => path.includes("/")),
          [],
        );
      } finally {
        await other.banger(["daemon", "stop"]);
        execFileSync("umount", [share]);
      }
    },
  );

  test("Ctrl-C while a VM starts", async () => {
    let pid = 0;
    const running = host.banger(["vm", "create", "--image", "busybox", "--name", "never", "--memory", "256M"], {
      onStart: (started) => (pid = started),
    });
    await host.ok(["vm", "list"]);
    const seen = await untilVm(host, "never");
    process.kill(pid, "SIGINT");
    const result = await running;
    assert.equal(result.code, 130, result.stderr);
    assert.deepEqual(await kept(), before_);
    assert.deepEqual(
      (await host.files()).filter((path) => path.includes(seen)),
      [],
    );
  });

  test("Ctrl-C while an image is pulled", async () => {
    // A registry that never answers: there is always time to press the keys.
    const server = createServer((socket) => socket.on("error", () => {}));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    let pid = 0;
    const running = host.banger(["image", "pull", `127.0.0.1:${port}/a/b:c`], {
      onStart: (started) => (pid = started),
    });
    const [socket] = (await once(server, "connection")) as [Socket];
    try {
      process.kill(pid, "SIGINT");
      const result = await running;
      assert.equal(result.code, 130, result.stderr);
      assert.deepEqual(await kept(), before_);
    } finally {
      socket.destroy();
      server.close();
    }
  });
});

/** Waits until `vm list` shows a VM by this name that is starting; gives its id. */
async function untilVm(host: TestHost, name: string): Promise<string> {
  for (;;) {
    const found = (await host.json<{ id: string; name: string; state: string }[]>(["vm", "list"])).find(
      (vm) => vm.name === name,
    );
    if (found?.state === "starting") return found.id;
  }
}
