import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { run } from "../../src/lib/process.ts";
import type { SentImage } from "../../src/model/artefact.ts";
import type { Image } from "../../src/model/image.ts";
import type { Kernel } from "../../src/model/kernel.ts";
import { SlowRegistry } from "../helpers/slow-registry.ts";
import { TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

/** Byte by byte, holes passed over: another's judgement, and minutes sooner than reading all of two disks. */
async function sameContent(a: string, b: string): Promise<boolean> {
  const { stdout } = await run("qemu-img", ["compare", "-f", "raw", "-F", "raw", a, b]);
  return stdout.includes("identical");
}

/** What one banger sends out, another takes in and boots: over a registry, and by an archive. */
suite("an image that goes from one banger to another", { timeout: 900_000 }, () => {
  let alice: TestHost;
  let registry: TestRegistry;
  let reference: string;
  let sent: SentImage;
  let original: Image;

  before(async () => {
    registry = await TestRegistry.start();
    alice = await TestHost.start();
    await alice.ok(["kernel", "pull", "debian-cloud"]);
    await using image = await busyboxImage();
    await alice.ok(["image", "pull", image.reference, "--name", "busybox"]);
    reference = registry.ref("team/busybox-vm:1");
    sent = await alice.json<SentImage>(["image", "push", "busybox", reference]);
    original = await alice.json<Image>(["image", "inspect", "busybox"]);
  });

  after(async () => {
    await alice[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  test("another banger pulls it as it is, with its kernel, and boots it", async () => {
    await using bob = await TestHost.start();
    await bob.ok(["image", "pull", reference, "--name", "box"]);
    const pulled = await bob.json<Image>(["image", "inspect", "box"]);
    assert.equal(pulled.digest, sent.digest);
    assert.deepEqual(pulled.config, original.config);
    assert.deepEqual(pulled.system, original.system);
    assert.equal(pulled.rootfs.uuid, original.rootfs.uuid);
    assert.equal(pulled.packedFrom?.digest, original.digest);
    assert.deepEqual(pulled.packedFrom?.layers, original.layers);
    // Nothing of alice's folders has come along.
    const { stdout: config } = await run("skopeo", [
      "inspect",
      "--config",
      "--raw",
      "--tls-verify=false",
      `docker://${reference}`,
    ]);
    assert.ok(config.includes('"banger"') && !config.includes(alice.folder) && !config.includes("/tmp/"), config);

    // Byte by byte the same, and no larger on the disk.
    assert.ok(await sameContent(pulled.rootfs.path, original.rootfs.path));
    const [there, here] = [await stat(original.rootfs.path), await stat(pulled.rootfs.path)];
    assert.equal(here.size, there.size);
    assert.ok(here.blocks <= there.blocks, `${here.blocks} blocks here, ${there.blocks} there`);
    assert.equal((await run("e2fsck", ["-fn", pulled.rootfs.path])).stderr.includes("WARNING"), false);

    const [kernel, ...others] = await bob.json<Kernel[]>(["kernel", "list"]);
    const [theirs] = await alice.json<Kernel[]>(["kernel", "list"]);
    assert.deepEqual(others, []);
    assert.equal(kernel?.release, theirs?.release);
    assert.equal(kernel?.source.kind, "artefact");
    assert.deepEqual(kernel?.abilities, theirs?.abilities);

    await bob.ok(["vm", "create", "--name", "vm", "--image", "box", "--memory", "256M"]);
    assert.match(await bob.ok(["vm", "exec", "vm", "--", "sh", "-c", "uname -r; echo $WHERE"]), /cloud[\s\S]*busybox/);
    await bob.ok(["vm", "delete", "--force", "vm"]);

    // Once more: nothing to do. And by another name: the kernel is here already.
    const again = await bob.banger(["image", "pull", reference, "--name", "box"]);
    assert.match(again.stderr, /up to date/);
    const second = await bob.banger(["image", "pull", reference, "--name", "two", "--progress", "lines"]);
    assert.match(second.stderr, /here already/);
    assert.equal((await bob.json<Kernel[]>(["kernel", "list"])).length, 1);

    // What is deleted leaves nothing, and an image that came so goes out again as the same parts.
    const onwards = await bob.json<SentImage>(["image", "push", "box", registry.ref("team/busybox-vm:2")]);
    assert.deepEqual(
      onwards.blobs.filter((blob) => blob.mediaType.includes("banger")).map(({ reused }) => reused),
      [true, true],
    );
    for (const name of ["box", "two"]) await bob.ok(["image", "delete", name]);
    assert.deepEqual(await bob.files(".local/share/banger/images"), []);
    assert.deepEqual(
      (await bob.files(".local/share/banger/blobs")).filter((name) => name.includes("/")),
      [],
    );
    assert.deepEqual(await bob.files(".local/share/banger/work"), []);
  });

  test("skopeo tells of it, and carries it on unharmed; what would run it as a container does not take it", async () => {
    const remote = `docker://${reference}`;
    const told = await run("skopeo", ["inspect", "--tls-verify=false", remote]);
    const { Digest, Architecture, Layers } = JSON.parse(told.stdout) as Record<string, unknown>;
    assert.equal(Digest, sent.digest);
    assert.ok(Architecture === "amd64" || Architecture === "arm64");
    assert.equal((Layers as unknown[]).length, 2);
    const raw = await run("skopeo", ["inspect", "--raw", "--tls-verify=false", remote]);
    assert.equal((JSON.parse(raw.stdout) as { artifactType: string }).artifactType, "application/vnd.banger.image.v1");

    await using bob = await TestHost.start();
    const layout = join(bob.folder, "layout");
    const copy = ["copy", "--insecure-policy", "--src-tls-verify=false", remote];
    await run("skopeo", [...copy, `oci:${layout}:vm`]);
    await bob.ok(["image", "pull", `oci:${layout}:vm`, "--name", "box"]);
    const pulled = await bob.json<Image>(["image", "inspect", "box"]);
    assert.equal(pulled.digest, sent.digest);
    await assert.rejects(
      run("skopeo", [...copy, `docker-archive:${join(bob.folder, "a.tar")}:x:y`]),
      /[Uu]nknown media type/,
    );
    // The layers are tar archives, which GNU tar unpacks, holes and all.
    const blob = sent.blobs.find(({ mediaType }) => mediaType.includes("disk"))?.digest.slice(7) ?? "";
    await run("tar", ["--zstd", "-xf", join(layout, "blobs/sha256", blob), "-C", bob.folder, "root.img"]);
    assert.ok(await sameContent(join(bob.folder, "root.img"), original.rootfs.path));
  });

  test("by an archive", async () => {
    const archive = join(alice.folder, "box.tar");
    const exported = await alice.json<SentImage>(["image", "export", "busybox", "oci-archive:box.tar"]);
    assert.equal(exported.reference, `oci-archive:${archive}`);
    assert.equal(exported.digest, sent.digest, "the same parts however they travel");
    await using bob = await TestHost.start();
    await bob.ok(["image", "pull", `oci-archive:${archive}`, "--name", "box"]);
    const pulled = await bob.json<Image>(["image", "inspect", "box"]);
    assert.equal(pulled.digest, sent.digest);
    assert.ok(await sameContent(pulled.rootfs.path, original.rootfs.path));
    await bob.ok(["vm", "create", "--name", "vm", "--image", "box", "--memory", "256M"]);
    assert.equal(await bob.ok(["vm", "exec", "vm", "--", "echo", "up"]), "up\n");
  });

  test("an image of one's own files goes out once it is promoted, with its work-seed", async () => {
    const [rootfs, seed] = [join(alice.folder, "own.ext4"), join(alice.folder, "seed.ext4")];
    for (const path of [rootfs, seed]) {
      await run("truncate", ["-s", "64M", path]);
      await run("mkfs.ext4", ["-q", "-F", path]);
    }
    const files = ["--rootfs", rootfs, "--work-seed", seed, "--kernel-ref", "debian-cloud"];
    await alice.ok(["image", "register", "own", ...files]);
    const target = `oci-archive:${join(alice.folder, "own.tar")}`;
    const refused = await alice.banger(["image", "export", "own", target]);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /IMAGE_UNMANAGED[\s\S]*banger image promote own/);
    await alice.ok(["image", "promote", "own"]);
    await alice.ok(["image", "export", "own", target]);
    await using bob = await TestHost.start();
    await bob.ok(["image", "pull", target, "--name", "own"]);
    const pulled = await bob.json<Image>(["image", "inspect", "own"]);
    assert.ok(await sameContent(pulled.rootfs.path, rootfs));
    assert.ok(await sameContent(pulled.workSeed?.path ?? "", seed));
    await alice.ok(["image", "delete", "own"]);
    for (const file of [rootfs, seed, join(alice.folder, "own.tar")]) await rm(file);
  });

  test("where it cannot go, it says so, and leaves nothing", async () => {
    const before = await alice.files();
    for (const [args, says] of [
      [["image", "export", "busybox", "oci-archive:no/such/folder/x.tar"], /FILE_UNREADABLE.*cannot be written/],
      [["image", "export", "busybox", `oci-archive:${alice.folder}`], /FILE_UNREADABLE.*cannot be written/],
      [["image", "export", "busybox", "x.tar"], /must be oci-archive/],
      [["image", "push", "busybox", "oci-archive:x.tar"], /REFERENCE_INVALID.*image export/s],
      [["image", "push", "nobody", reference], /IMAGE_NOT_FOUND/],
      [["image", "push", "busybox", "bb"], /REFERENCE_INVALID.*docker\.io\/library\/bb:latest/s],
      // Nobody answers there: that is known before anything is packed.
      [["image", "push", "busybox", "127.0.0.1:1/a:1", "--progress", "lines"], /^(?!.*packing).*REGISTRY_UNREACHABLE/s],
      [["image", "export", "busybox", "oci-archive:/dev/full"], /FILE_UNREADABLE.*a device/s],
      [["image", "push", "busybox", `${registry.ref("a")}@${sent.digest}`], /REFERENCE_INVALID.*TAG/s],
    ] as const) {
      const result = await alice.banger(args);
      assert.notEqual(result.code, 0, args.join(" "));
      assert.match(result.stderr, says);
    }
    assert.deepEqual(await alice.files(), before);
  });

  test("a pull that is cancelled, and one whose daemon is killed, leave nothing; the next one goes on", async () => {
    await using door = await SlowRegistry.start(registry);
    await using bob = await TestHost.start();
    const pull = ["image", "pull", `${door.host}/team/busybox-vm:1`, "--name", "box"];
    const nothingThere = async (): Promise<void> => {
      assert.deepEqual(await bob.json<Image[]>(["image", "list"]), []);
      assert.deepEqual(await bob.json<Kernel[]>(["kernel", "list"]), []);
      for (const folder of ["work", "images", "kernels"]) {
        assert.deepEqual(await bob.files(".local/share/banger", folder), [], folder);
      }
    };
    for (const end of ["cancelled", "killed"]) {
      const held = door.hold(700_000);
      let pid = 0;
      const pulling = bob.banger(pull, { onStart: (started) => (pid = started) });
      await held;
      process.kill(end === "killed" ? await bob.daemonPid() : pid, end === "killed" ? "SIGKILL" : "SIGINT");
      assert.notEqual((await pulling).code, 0);
      door.release();
      await nothingThere();
    }
    door.takeBlobRequests();
    await bob.ok(pull);
    assert.ok(
      door.takeBlobRequests().some(({ range }) => range !== undefined),
      "it began anew",
    );
    const pulled = await bob.json<Image>(["image", "inspect", "box"]);
    assert.ok(await sameContent(pulled.rootfs.path, original.rootfs.path));
  });

  test("a push and an export that are cancelled or fail leave nothing on this host", async () => {
    const before = await alice.files();
    const stuck = createServer((request) => request.resume());
    stuck.listen(0, "127.0.0.1");
    await once(stuck, "listening");
    const { port } = stuck.address() as AddressInfo;
    let pid = 0;
    const asked = once(stuck, "request");
    const pushing = alice.banger(["image", "push", "busybox", `127.0.0.1:${port}/a:1`], {
      onStart: (started) => (pid = started),
    });
    await asked;
    process.kill(pid, "SIGINT");
    assert.equal((await pushing).code, 130);
    stuck.closeAllConnections();
    stuck.close();
    assert.deepEqual(await alice.files(), before);
  });
});
