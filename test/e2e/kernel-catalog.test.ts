import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { buildKernel } from "../helpers/elf-builder.ts";
import { sendFile } from "../helpers/send-file.ts";
import { TestAuthority } from "../helpers/test-authority.ts";
import { newKeys, PUBLISH, useCatalog } from "../helpers/published-kernel.ts";
import { TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const exec = promisify(execFile);

suite("kernels from a catalog", { timeout: 3_000_000 }, () => {
  test("built, published to a registry, deleted, pulled again, booted", async () => {
    await using host = await TestHost.start();
    await using registry = await TestRegistry.start();
    await using image = await busyboxImage();
    const keys = await newKeys(host.folder, "own");
    const url = `oci://${registry.host}/test/kernels`;

    // The first time this compiles for minutes; afterwards the build is in the user's cache.
    await host.ok(["kernel", "build", "generic-6.12"], { timeoutMs: 2_700_000 });
    const built = await host.json<{ files: { image: { path: string } }; id: string }>([
      "kernel",
      "inspect",
      "generic-6.12",
    ]);
    const file = (id: string, name: string): string => join(host.folder, ".local/share/banger/kernels", id, name);
    const vmlinux = await readFile(file(built.id, built.files.image.path));
    const published = await host.run(PUBLISH, ["generic-6.12", "--to", url, "--key", keys.secret]);
    assert.equal(published.code, 0, published.stderr);
    assert.equal(published.stdout.toString().trim(), url);
    await host.ok(["kernel", "delete", "generic-6.12"]);
    assert.deepEqual(await readdir(join(host.folder, ".local/share/banger/kernels")), []);

    const nobody = await host.banger(["kernel", "pull", "generic-6.12"]);
    assert.equal(nobody.code, 3);
    assert.match(nobody.stderr, /KERNEL_NOT_SERVED[^]*banger kernel pull --build generic-6\.12/);

    await useCatalog(host, url, (await newKeys(host.folder, "stranger")).line);
    const stranger = await host.banger(["kernel", "pull", "generic-6.12"]);
    assert.equal(stranger.code, 6);
    assert.match(stranger.stderr, /CATALOG_UNTRUSTED/);

    await useCatalog(host, url, keys.line);
    assert.match(await host.ok(["kernel", "catalog"]), /generic-6\.12 .* pull .*oci:/);
    await host.ok(["kernel", "pull", "generic-6.12"]);
    const pulled = await host.json<{ id: string; source: { kind: string } }>(["kernel", "inspect", "generic-6.12"]);
    assert.equal(pulled.source.kind, "catalog");
    assert.ok(vmlinux.equals(await readFile(file(pulled.id, "image"))), "the kernel came back as it was");

    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "box", "--image", "busybox", "--memory", "256M"]);
    assert.match(await host.ok(["vm", "exec", "box", "--", "uname", "-r"]), /^6\.12\.\d+-generic\n$/);
    await host.ok(["vm", "delete", "--force", "box"]);
  });

  test("published into a folder, which a web server serves over https", async () => {
    await using authority = await TestAuthority.make();
    await using host = await TestHost.start({ SSL_CERT_FILE: authority.certificate });
    const keys = await newKeys(host.folder, "own");
    const folder = join(host.folder, "web");
    const from = join(host.folder, "manual");
    await mkdir(from);
    await writeFile(join(from, "vmlinux"), buildKernel("6.12.7-test", { pvh: true }));
    await writeFile(join(from, "config"), "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n");
    const publish = (...args: readonly string[]) =>
      host.run(PUBLISH, ["mine", "--from", from, "--to", folder, "--key", keys.secret, ...args]);
    assert.equal((await publish()).code, 0);
    assert.deepEqual((await readdir(folder)).toSorted(), [
      "catalog.json",
      "catalog.json.minisig",
      "mine_6.12.7_amd64.tar.zst",
    ]);
    // minisign agrees with what was signed.
    await exec("minisign", ["-V", "-P", keys.line, "-m", join(folder, "catalog.json")]);

    const server = createServer(authority.tls, (request, response) => sendFile(folder, request, response));
    server.listen(0, "127.0.0.1");
    try {
      await new Promise<void>((resolve) => server.once("listening", () => resolve()));
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/catalog.json`;
      await useCatalog(host, url, keys.line);
      await host.ok(["kernel", "pull", "mine", "--name", "first"]);
      // A second edition is signed on top of the first; of somebody else's there is none.
      assert.equal((await publish()).code, 0);
      const first = await readFile(join(folder, "catalog.json"), "utf8");
      await writeFile(join(folder, "catalog.json"), first.replace("mine", "evil"));
      const refused = await publish();
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /not trusted/);
      const tampered = await host.banger(["kernel", "catalog"]);
      assert.equal(tampered.code, 6);
      assert.match(tampered.stderr, /not trusted/);
      await writeFile(join(folder, "catalog.json"), first);
      await host.ok(["kernel", "pull", "mine", "--name", "second"]);
      assert.match(await host.ok(["kernel", "catalog"]), /here as first, second/);
      // An image that names no kernel brings the default one, wherever that is from.
      await useCatalog(host, url, keys.line, 'default_kernel = "mine"\n');
      await using image = await busyboxImage();
      await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
      assert.equal((await host.json<{ kernel: string }>(["image", "inspect", "busybox"])).kernel, "mine");
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
