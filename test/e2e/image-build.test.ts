import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { busyboxImage, debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";

interface ImageRow {
  readonly id: string;
  readonly name: string;
  readonly origin: string;
  readonly rootfs: { readonly path: string; readonly sizeBytes: number };
  readonly history: readonly { readonly did: string; readonly from: { readonly name: string } }[];
}

/** An image made of another by working in it. */
suite("image build", { timeout: 900_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "base"]);
    await mkdir(join(host.folder, "app", "sub"), { recursive: true });
    await writeFile(join(host.folder, "app", "run"), "#!/bin/sh\necho it runs\n", { mode: 0o755 });
    await writeFile(join(host.folder, "app", "sub", "data"), "some data");
    await script(
      "good.sh",
      "#!/bin/sh",
      "echo building with $WITH",
      "/opt/app/run",
      "echo $WITH > /built",
      "echo done >&2",
    );
    await script("bad.sh", "echo half > /half", "echo now it breaks", "exit 42");
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  const script = (name: string, ...lines: readonly string[]): Promise<void> =>
    writeFile(join(host.folder, name), `${lines.join("\n")}\n`);
  const build = (name: string, file: string, ...more: readonly string[]): string[] => [
    "image",
    "build",
    "--from-image",
    "base",
    "--name",
    name,
    "--script",
    `./${file}`,
    "--copy",
    "app:/opt/app",
    "-e",
    "WITH=love",
    ...more,
  ];
  /** All that is kept of images, VMs and work. */
  const kept = async (): Promise<readonly string[]> =>
    (await host.files(".local", "share", "banger")).filter((path) => /^(images|vms|work)/.test(path));

  test("runs the script with its files and variables, and keeps the disk", async () => {
    const built = await host.banger(build("app", "good.sh"));
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stderr, /^building with love$/m);
    assert.match(built.stderr, /^it runs$/m);
    const row = await host.json<ImageRow>(["image", "inspect", "app"]);
    assert.equal(row.origin, "build");
    assert.deepEqual(
      row.history.map(({ did, from }) => [did, from.name]),
      [["script: good.sh", "base"]],
    );
    const judged = await host.run("e2fsck", ["-fn", row.rootfs.path]);
    assert.equal(judged.code, 0, judged.stdout.toString("utf8"));
    await host.ok(["vm", "create", "--name", "of-app", "--image", "app", "--memory", "256M"]);
    const said = await host.ok(["vm", "exec", "of-app", "--", "sh", "-c", "cat /built /opt/app/sub/data; hostname"]);
    assert.equal(said, "love\nsome dataof-app\n");
    await host.ok(["vm", "delete", "--force", "of-app"]);
  });

  test("leaves nothing of the VM that it was built in", async () => {
    const { rootfs } = await host.json<ImageRow>(["image", "inspect", "app"]);
    for (const path of ["/etc/banger/ssh_host_ed25519_key", "/etc/hostname", "/etc/hosts", "/run/banger"]) {
      const looked = await host.run("debugfs", ["-R", `stat ${path}`, rootfs.path]);
      assert.match(looked.stderr, /File not found/, path);
    }
    const id = await host.run("debugfs", ["-R", "cat /etc/machine-id", rootfs.path]);
    assert.equal(id.stdout.toString("utf8"), "");
    assert.deepEqual(await host.json(["vm", "list"]), []);
  });

  test("is done at once when all is as it was, and shares what is the same", async () => {
    const again = await host.banger(build("app", "good.sh"));
    assert.match(again.stderr, /up to date/);
    assert.doesNotMatch(again.stderr, /building with/);
    const other = await host.banger(build("twin", "good.sh"));
    assert.match(other.stderr, /nothing to do: image app was built from the same/);
    const stats = await host.run("stat", [
      "-c",
      "%h",
      (await host.json<ImageRow>(["image", "inspect", "twin"])).rootfs.path,
    ]);
    assert.equal(stats.stdout.toString("utf8").trim(), "2");
    await host.ok(["image", "delete", "app"]);
    const judged = await host.run("e2fsck", [
      "-fn",
      (await host.json<ImageRow>(["image", "inspect", "twin"])).rootfs.path,
    ]);
    assert.equal(judged.code, 0);
  });

  test("is not done again under a name that is taken by another", async () => {
    const taken = await host.banger(build("twin", "good.sh", "-e", "WITH=hate"));
    assert.match(taken.stderr, /NAME_TAKEN/);
    await writeFile(join(host.folder, "app", "sub", "data"), "other data");
    const changed = await host.banger(build("twin", "good.sh"));
    assert.match(changed.stderr, /NAME_TAKEN/, "an input changed");
  });

  test("that fails half-way says what was printed, and leaves nothing", async () => {
    const before = await kept();
    const failed = await host.banger(build("broken", "bad.sh"));
    assert.equal(failed.code, 7);
    assert.match(failed.stderr, /BUILD_FAILED[\s\S]*bad\.sh failed with status 42[\s\S]*now it breaks/);
    assert.deepEqual(await kept(), before);
    assert.deepEqual(await host.json(["vm", "list"]), []);
    assert.match((await host.banger(["image", "inspect", "broken"])).stderr, /IMAGE_NOT_FOUND/);
  });

  test("that is given up leaves nothing either", async () => {
    await script("slow.sh", "echo it waits", "sleep 1000");
    const before = await kept();
    const run = host.banger(build("slow", "slow.sh"), {
      onOutput: (text, pid) => {
        if (text.includes("it waits")) process.kill(pid, "SIGINT");
      },
    });
    assert.equal((await run).code, 130);
    assert.deepEqual(await kept(), before);
    assert.deepEqual(await host.json(["vm", "list"]), []);
  });

  test("whose daemon dies leaves nothing to the next one", async () => {
    const before = await kept();
    const daemon = await host.daemonPid();
    const cut = await host.banger(build("cut", "slow.sh"), {
      onOutput: (text) => {
        if (text.includes("it waits")) process.kill(daemon, "SIGKILL");
      },
    });
    assert.notEqual(cut.code, 0);
    const { recovered } = await host.json<{ recovered: readonly string[] }>(["daemon", "status"]).catch(async () => {
      await host.ok(["daemon", "start"]);
      return host.json<{ recovered: readonly string[] }>(["daemon", "status"]);
    });
    assert.match(recovered.join("\n"), /undid an image that was being added/);
    assert.deepEqual(await host.json(["vm", "list"]), []);
    assert.deepEqual(await kept(), before);
    const qemus = await Promise.all((await host.processes()).map((pid) => readFile(`/proc/${pid}/comm`, "utf8")));
    assert.equal(qemus.filter((comm) => comm.startsWith("qemu")).length, 0, "its VMM still runs");
  });

  test("that fails can be entered, and is gone after", async () => {
    const before = await kept();
    const entered = await host.banger(build("broken", "bad.sh", "--on-fail", "shell"), {
      input: Buffer.from("echo found $(cat /half); exit\n"),
    });
    assert.match(entered.stdout.toString("utf8"), /found half/);
    assert.match(entered.stderr, /BUILD_FAILED/);
    assert.deepEqual(await kept(), before);
    assert.deepEqual(await host.json(["vm", "list"]), []);
  });

  test("refuses what cannot be, before a VM is made", async () => {
    await script("empty.sh");
    for (const [words, wanted] of [
      [build("../x", "good.sh"), /NAME_INVALID/],
      [build("x", "none.sh"), /FILE_UNREADABLE[\s\S]*none\.sh/],
      [build("x", "good.sh", "--copy", "nothing:/opt/n"), /FILE_UNREADABLE[\s\S]*nothing/],
      [build("x", "good.sh", "--copy", "app:opt"), /BAD_USAGE[\s\S]*SRC:DST/],
      [build("x", "good.sh", "--size", "1G"), /VM_SPEC_INVALID[\s\S]*too small/],
      [["image", "build", "--from-image", "nope", "--name", "x", "--script", "good.sh"], /IMAGE_NOT_FOUND/],
    ] as const) {
      const refused = await host.banger(words);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, wanted);
    }
  });

  test("installs a package in Debian, on a larger disk", async () => {
    const layout = await debianImage("bookworm", []);
    await host.ok(["image", "pull", layout, "--name", "debian"]);
    await host.run("dpkg-deb", ["--version"]);
    const tree = join(host.folder, "pkg");
    await mkdir(join(tree, "DEBIAN"), { recursive: true });
    await mkdir(join(tree, "usr", "bin"), { recursive: true });
    await writeFile(
      join(tree, "DEBIAN", "control"),
      "Package: hello-banger\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: a test\n",
    );
    await writeFile(join(tree, "usr", "bin", "hello-banger"), "#!/bin/sh\necho hello from a package\n", {
      mode: 0o755,
    });
    const packed = await host.run("dpkg-deb", ["--root-owner-group", "--build", tree, "hello.deb"]);
    assert.equal(packed.code, 0, packed.stderr);
    await script("install.sh", "#!/bin/bash -e", "dpkg -i /tmp/hello.deb", "rm /tmp/hello.deb", "df -m / | tail -1");
    const built = await host.banger([
      "image",
      "build",
      "--from-image",
      "debian",
      "--name",
      "hello",
      "--script",
      "install.sh",
      "--copy",
      "hello.deb:/tmp/",
      "--size",
      "20G",
    ]);
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stderr, /Setting up hello-banger \(1\.0\)/);
    const row = await host.json<ImageRow>(["image", "inspect", "hello"]);
    assert.equal(row.rootfs.sizeBytes, 20 * 1024 ** 3);
    assert.equal((await host.run("e2fsck", ["-fn", row.rootfs.path])).code, 0);
    assert.equal((await host.ok(["run", "hello", "--", "hello-banger"])).trim(), "hello from a package");
  });
});

/** A Containerfile from scratch needs no registry, and no RUN no namespaces. */
suite("image build --containerfile", { timeout: 600_000 }, () => {
  test("takes what a container builder makes, and runs as it says", async (context) => {
    await using host = await TestHost.start();
    if ((await host.run("buildah", ["version"]).catch(() => ({ code: 1 }))).code !== 0) {
      return context.skip("buildah does not work here");
    }
    const inBuilder = async (): Promise<string> =>
      (await host.run("buildah", ["images", "--format", "{{.Name}}"])).stdout.toString("utf8");
    const site = join(host.folder, "site");
    await mkdir(site);
    await copyFile("/bin/busybox", join(site, "busybox"));
    await writeFile(
      join(site, "Containerfile"),
      `FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nENV WHO=you\nCMD ["/bin/sh", "-c", "echo hello $WHO"]\n`,
    );
    const refused = await host.banger(
      ["image", "build", "--containerfile", "site/Containerfile", "site", "--name", "site"],
      { env: { PATH: join(host.folder, "nothing") + `:${join(process.execPath, "..")}` } },
    );
    assert.match(refused.stderr, /TOOL_MISSING[\s\S]*buildah is not installed[\s\S]*apt-get install buildah/);
    await host.ok(["daemon", "stop"]);

    await host.ok(["kernel", "pull", "debian-cloud"]);
    const built = await host.banger([
      "image",
      "build",
      "--containerfile",
      "site/Containerfile",
      "site",
      "--name",
      "site",
    ]);
    assert.equal(built.code, 0, built.stderr);
    const row = await host.json<ImageRow & { digest: string }>(["image", "inspect", "site"]);
    assert.equal(row.origin, "build");
    assert.match(row.history[0]?.did ?? "", /containerfile: Containerfile, by buildah/);
    assert.equal((await host.ok(["run", "site", "--memory", "256M"])).trim(), "hello you");

    const again = await host.banger([
      "image",
      "build",
      "--containerfile",
      "site/Containerfile",
      "site",
      "--name",
      "site",
    ]);
    assert.match(again.stderr, /image site is up to date/);

    await writeFile(join(site, "Containerfile"), "FROM scratch\nCOPY nothing-like-this /\n");
    const failed = await host.banger(["image", "build", "--containerfile", "site/Containerfile", "--name", "bad"]);
    assert.match(failed.stderr, /BUILD_FAILED[\s\S]*nothing-like-this/);
    assert.deepEqual(await host.files(".local", "share", "banger", "work"), []);
    assert.equal(await inBuilder(), "");

    await writeFile(join(site, "Containerfile"), "FROM scratch\nCOPY busybox /bin/other\n");
    await host.ok(["daemon", "stop"]);
    await host.ok(["daemon", "start"], { env: { BANGER_FAULT: "image/built=kill" } });
    await host.banger(["image", "build", "--containerfile", "site/Containerfile", "site", "--name", "cut"]);
    assert.match(await inBuilder(), /banger-build/, "the daemon died while the builder held the image");
    await host.ok(["daemon", "start"]);
    assert.equal(await inBuilder(), "");
  });
});
