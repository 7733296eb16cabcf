import assert from "node:assert/strict";
import { createServer } from "node:https";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { debianImage } from "../helpers/test-images.ts";
import { identifyProcess } from "../../src/lib/process-identity.ts";
import { TestAuthority } from "../helpers/test-authority.ts";
import { TestHost } from "../helpers/test-host.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

/** The main road, as `make demo` shows it: a registry, a real Debian, systemd, ssh. */
suite("a VM of a Debian image", { timeout: 900_000 }, () => {
  test("goes the whole way from a registry to a shell, and away again", async () => {
    const layout = await debianImage("bookworm", ["systemd-sysv", "dbus", "ca-certificates"]);
    await using registry = await TestRegistry.start();
    await using host = await TestHost.start();
    const reference = `${registry.host}/library/debian:bookworm`;
    await registry.push(layout, "library/debian:bookworm");

    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", reference, "--name", "debian"]);
    const image = await host.json<{ rootfs: { path: string }; system: { init: string; osId: string } }>([
      "image",
      "inspect",
      "debian",
    ]);
    assert.equal(image.system.init, "systemd");
    assert.equal(image.system.osId, "debian");
    assert.equal((await host.run("e2fsck", ["-fn", image.rootfs.path])).code, 0);

    await using authority = await TestAuthority.make();
    await using secure = await tlsServer(authority);
    const env = { SSL_CERT_FILE: authority.certificate, http_proxy: "http://me:s3cret@127.0.0.1:3128" };
    const world = ["--host-ca", "--host-proxy", "--time-zone", "Asia/Tokyo", "--locale", "xx_XX.UTF-8"];
    const shape = ["--name", "demo", "--image", "debian", "--nat", "--allow-host", "--work-disk", "32M"];
    const created = await host.banger(["vm", "create", ...shape, "--wait", "system", ...world], { env });
    assert.equal(created.code, 0, created.stderr);
    assert.match(created.stderr, /warning: the guest has no locale xx_XX\.UTF-8/);
    const command = "id; uname -r; cat /etc/os-release; systemctl is-active banger-vsock-agent";
    const said = await host.ok(["vm", "ssh", "demo", "--", command]);
    assert.match(said, /uid=0\(root\)/);
    assert.match(said, /^6\.\d+\.\d+-.*cloud-amd64$/m);
    assert.match(said, /PRETTY_NAME="Debian GNU\/Linux 12/);
    assert.match(said, /^active$/m);

    // A guest's gateway is its host's loopback, where it may reach that: the only address that a test may talk to.
    const { network } = await host.json<{ network: { gateway: string } }>(["vm", "inspect", "demo"]);
    const port = registry.host.split(":")[1] ?? "";
    const reach = `exec 3<>/dev/tcp/${network.gateway}/${port} && printf 'GET /v2/ HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3`;
    assert.match(await host.ok(["vm", "exec", "demo", "--", "bash", "-c", reach]), /200 OK/);

    assert.equal((await host.ok(["vm", "exec", "demo", "--", "hostname"])).trim(), "demo");
    assert.equal((await host.ok(["vm", "exec", "demo", "--", "hostname", "-f"])).trim(), "demo");
    assert.match(await host.ok(["vm", "exec", "demo", "--", "getent", "hosts", "demo"]), /^127\.0\.1\.1 +demo$/m);
    const failed = await host.ok([
      "vm",
      "exec",
      "demo",
      "--",
      "systemctl",
      "list-units",
      "--failed",
      "--plain",
      "--no-legend",
    ]);
    assert.equal(failed.trim(), "", "no unit fails in a fresh VM");

    // The work disk stays mounted under systemd, too.
    assert.match(await host.ok(["vm", "exec", "demo", "--", "findmnt", "/work"]), /\/dev\/vdb +ext4 +rw/);

    // Behind it is the disk of the kernel's modules, which load as the kernel asks for them.
    const release = (await host.ok(["vm", "exec", "demo", "--", "uname", "-r"])).trim();
    const modules = await host.ok(["vm", "exec", "demo", "--", "findmnt", `/lib/modules/${release}`]);
    assert.match(modules, /\/dev\/vdc +ext4 +ro/);
    const overlay =
      "mkdir -p /o/a /o/b /o/c /o/d && mount -t overlay -o lowerdir=/o/a,upperdir=/o/b,workdir=/o/c o /o/d";
    await host.ok(["vm", "exec", "demo", "--", "sh", "-c", `${overlay} && touch /o/d/file && umount /o/d`]);

    // Nor is a udev needed for what a plain user's containers open.
    const open = "exec 3<>/dev/net/tun 4<>/dev/fuse && exec 5</dev/loop-control";
    const opened = await host.banger(["vm", "exec", "demo", "--user", "nobody", "--", "bash", "-c", open]);
    assert.match(opened.stderr, /^[^\n]*loop-control: Permission denied\n$/, "root's alone");

    // Its system was waited for, so its bus answers; and it comes back from a reboot as a machine does.
    const system = async () =>
      host.json<{ state: string; system?: { state: string }; reboots?: { count: number } }>(["vm", "inspect", "demo"]);
    assert.deepEqual((await system()).system, { state: "running", failedUnits: [] });
    await host.banger(["vm", "exec", "demo", "--", "systemctl", "reboot"]);
    for (let left = 240, now = await system(); ; left -= 1, now = await system()) {
      if (now.state === "running" && now.reboots?.count === 1) break;
      assert.ok(left > 0, JSON.stringify(now));
      await setTimeout(500);
    }
    assert.match(await host.ok(["vm", "exec", "demo", "--", "findmnt", "/work"]), /\/dev\/vdb +ext4 +rw/);

    const vm = await host.json<{ id: string; pid: number; timings: { stages: Record<string, number> } }>([
      "vm",
      "inspect",
      "demo",
    ]);
    assert.deepEqual(Object.keys(vm.timings.stages), ["disk", "vmm", "kernel", "init", "agent"]);
    await checkWorld(host, network.gateway, secure.port);
    await host.ok(["vm", "stop", "demo"]);
    assert.match(await host.ok(["vm", "logs", "demo"]), /banger: stage agent/);
    await host.ok(["vm", "delete", "demo"]);
    assert.equal(await identifyProcess(vm.pid), undefined, "its VMM still runs");
    assert.deepEqual(
      (await host.files()).filter((path) => path.includes(vm.id)),
      [],
    );
  });
});

/** A TLS server on this host's loopback, with a certificate that only a private authority vouches for. */
async function tlsServer({ tls }: TestAuthority): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(tls, (_request, response) => response.end("trusted"));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The guest was given its host's world when it was created; what it is no longer to have is gone. */
async function checkWorld(host: TestHost, gateway: string, port: number): Promise<void> {
  const words = (command: string): string[] => ["vm", "exec", "demo", "--", "sh", "-c", command];
  const connect = `openssl s_client -connect ${gateway}:${port} -verify_hostname registry.test -verify_return_error </dev/null`;
  const ours = `find / -xdev -name 'banger-*.crt' -o -xdev -name '95banger-*'`;
  const state = `date +%Z; echo proxy=$http_proxy; systemctl show-environment | grep -c -i -e proxy -e cert; ${ours}`;

  assert.match(await host.ok(words(connect)), /Verify return code: 0 \(ok\)/);
  const given = await host.ok(words(state));
  assert.match(given, new RegExp(`^JST\nproxy=http://me:s3cret@${gateway.replaceAll(".", "\\.")}:3128\n[1-9]`));
  assert.match(given, /banger-\w{16}\.crt\n/);
  for (const shown of [
    ["vm", "inspect", "demo"],
    ["vm", "inspect", "demo", "--json"],
    ["vm", "list", "--json"],
  ]) {
    assert.doesNotMatch(await host.ok(shown), /s3cret/);
  }

  await host.ok(["vm", "start", "demo", "--no-host-ca", "--no-host-proxy", "--time-zone", "none", "--locale", "none"]);
  // The guest's own program may still be taking them out of its bundles: emulated, that takes minutes.
  const refused = `for i in $(seq 140); do ${connect} 2>&1 | grep "unable to get local issuer" && exit 0; sleep 2; done; exit 1`;
  await host.ok(words(refused));
  assert.match(await host.ok(words(`${state}; true`)), /^(?:Etc\/)?UTC\nproxy=\n0\n$/);
  const log = await readFile(join(host.folder, ".local", "state", "banger", "bangerd.log"), "utf8");
  assert.doesNotMatch(log, /s3cret/);
}
