import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { withFiles } from "../helpers/image-with-files.ts";
import { TestAptRepository } from "../helpers/test-apt-repository.ts";
import { serveGenericKernel } from "../helpers/published-kernel.ts";
import { debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const PACKAGES = ["systemd", "systemd-sysv", "dbus", "openssh-server"];

interface VmSeen {
  readonly machine: { readonly machine: string };
  readonly spec: { readonly init: string };
  readonly firstBoot?: { readonly log: string; readonly doneAt?: string };
}

interface ImageSeen {
  readonly system: { readonly init: string };
  readonly initDefault?: string;
  readonly history: readonly { readonly did: string }[];
  readonly rootfs: { readonly path: string };
}

/** The story that banger is told by: a bare container image becomes a machine that boots at once. Minutes, by emulation. */
suite("a Debian without systemd and sshd becomes a machine", { timeout: 4_500_000 }, () => {
  let host: TestHost;
  let repository: TestAptRepository;
  let reference = "";
  const resources = new AsyncDisposableStack();

  before(async () => {
    const bare = await debianImage("bookworm", []);
    host = resources.use(await TestHost.start());
    repository = resources.use(await TestAptRepository.start("bookworm", bare.slice("oci:".length), PACKAGES));
    const registry = resources.use(await TestRegistry.start());
    const image = resources.use(await withFiles(bare, { "etc/apt/sources.list": repository.sources }));
    reference = await registry.push(`oci:${image.layout}:${image.tag}`, "library/debian:bookworm");
    await serveGenericKernel(host, registry.host);
  });
  after(() => resources.disposeAsync());

  test("image pull --init systemd, once; then each VM boots at once, directly, without an initrd", async () => {
    await host.ok(["kernel", "pull", "generic-6.12"]);
    const pull = ["image", "pull", reference, "--name", "debian", "--kernel-ref", "generic-6.12", "--init", "systemd"];
    const told = await host.banger([...pull, "--allow-host"], { timeoutMs: 1_200_000 });
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stderr, /Setting up openssh-server/, "what the package manager says is told");
    const image = await host.json<ImageSeen>(["image", "inspect", "debian"]);
    assert.equal(image.system.init, "systemd");
    assert.equal(image.initDefault, "systemd");
    assert.deepEqual(
      image.history.map(({ did }) => did),
      ["init: systemd"],
    );
    assert.equal((await host.run("e2fsck", ["-fn", image.rootfs.path])).code, 0);
    assert.deepEqual(await host.json(["vm", "list"]), [], "the VM that it was built in is gone");

    await host.ok(["vm", "create", "--name", "testbox", "--nat"]);
    const said = await host.ok(["vm", "ssh", "testbox", "--", "id; uname -r; systemctl is-active banger-vsock-agent"]);
    assert.match(said, /^uid=0\(root\)[^]*^6\.12\.[^]*^active$/m);
    const vm = await host.json<VmSeen>(["vm", "inspect", "testbox"]);
    assert.equal(vm.machine.machine, "microvm", "direct boot");
    assert.equal(vm.firstBoot, undefined, "nothing was left to install");

    const inGuest = (script: string): Promise<string> => host.ok(["vm", "exec", "testbox", "--", "bash", "-c", script]);
    assert.equal(
      (await inGuest("systemctl is-system-running --wait; systemctl is-active ssh")).trim(),
      "running\nactive",
    );
    assert.match(await inGuest("exec 3<>/dev/tcp/127.0.0.1/22 && head -c 7 <&3"), /^SSH-2\.0/);
    // A kernel for work: a file as a disk, a mounted disk made larger, and no interface that nobody asked for.
    const loop = "truncate -s 16M /t.img && mke2fs -q /t.img && mount -o loop /t.img /mnt && umount /mnt && rm /t.img";
    await inGuest(`${loop} && resize2fs /dev/vda`);
    assert.deepEqual((await inGuest("cd /sys/class/net && ls -d */")).trim().split("\n"), ["eth0/", "lo/"]);
    assert.match(await inGuest("cat /proc/filesystems"), /^nodev\tnfs4$[^]*^\tbtrfs$/m);
    assert.match(await inGuest("cat /proc/cmdline"), /init=\/usr\/local\/libexec\/banger-first-boot/);
    assert.equal(
      (await inGuest("grep -c initrd /proc/cmdline; ls /sys/firmware/initrd 2>/dev/null | wc -l")).trim(),
      "0\n0",
    );
  });

  test("two VMs of that image share no key and no machine id", async () => {
    await host.ok(["vm", "create", "--name", "other"]);
    const facts = "cat /etc/ssh/ssh_host_*_key.pub /etc/machine-id /var/lib/dbus/machine-id /etc/banger/*";
    const of = async (vm: string): Promise<readonly string[]> => {
      await host.ok(["vm", "exec", vm, "--", "systemctl", "is-system-running", "--wait"]);
      return (await host.ok(["vm", "exec", vm, "--", "sh", "-c", facts])).trim().split("\n");
    };
    const [one, two] = [await of("testbox"), await of("other")];
    const [oneKey, twoKey] = [one[0] ?? "", two[0] ?? ""];
    assert.match(oneKey, /^ssh-ed25519 /);
    assert.notEqual(oneKey.split(" ")[1], twoKey.split(" ")[1]);
    assert.match(one[1] ?? "", /^[0-9a-f]{32}$/);
    assert.notEqual(one[1], two[1]);
    assert.equal(one[1], one[2], "D-Bus knows the machine by the same id");
    await host.ok(["vm", "delete", "--force", "other"]);
  });

  test("the same image with --init agent answers without systemd", async () => {
    await host.ok(["vm", "create", "--name", "plain", "--init", "agent"]);
    assert.match(await host.ok(["vm", "exec", "plain", "--", "cat", "/proc/1/comm"]), /^banger/);
    await host.ok(["vm", "delete", "--force", "plain"]);
  });

  test("vm create --init systemd installs it at the VM's own first start", async () => {
    await host.ok(["image", "pull", reference, "--name", "bare", "--kernel-ref", "generic-6.12"]);
    const refused = await host.banger(["vm", "create", "--name", "fresh", "--image", "bare", "--init", "systemd"]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--nat/);
    const create = ["vm", "create", "--name", "fresh", "--image", "bare", "--init", "systemd", "--nat", "--allow-host"];
    await host.ok(create, { timeoutMs: 1_200_000 });
    assert.match(await host.ok(["vm", "ssh", "fresh", "--", "systemctl is-active banger-vsock-agent"]), /^active$/m);
    const { firstBoot } = await host.json<VmSeen>(["vm", "inspect", "fresh"]);
    assert.ok(firstBoot?.doneAt !== undefined);
    assert.match((await host.run("cat", [firstBoot.log])).stdout.toString(), /Setting up systemd-sysv/);
    const asked = repository.requests.length;
    await host.ok(["vm", "stop", "fresh"]);
    await host.ok(["vm", "start", "fresh"]);
    assert.equal(repository.requests.length, asked, "the second start fetches nothing");
    await host.ok(["vm", "delete", "--force", "fresh"]);
    assert.equal((await host.run("test", ["-e", firstBoot.log])).code, 1, "its log goes with it");
  });

  test("a mirror that has not got the packages: a clear failure, its log on the host, and no VM", async () => {
    await using poor = await withFiles(await debianImage("bookworm", []), {
      "etc/apt/sources.list": repository.sources.replace("./", "nowhere/"),
    });
    await host.ok([
      "image",
      "pull",
      `oci:${poor.layout}:${poor.tag}`,
      "--name",
      "poor",
      "--kernel-ref",
      "generic-6.12",
    ]);
    const create = [
      "vm",
      "create",
      "--name",
      "doomed",
      "--image",
      "poor",
      "--init",
      "systemd",
      "--nat",
      "--allow-host",
    ];
    const result = await host.banger(create, { timeoutMs: 600_000 });
    assert.equal(result.code, 7);
    const log = /see (\S+\.log)/.exec(result.stderr)?.[1];
    assert.ok(log !== undefined, result.stderr);
    assert.match(result.stderr, /FIRST_BOOT_FAILED/);
    assert.match((await host.run("cat", [log])).stdout.toString(), /404/);
    assert.equal((await host.banger(["vm", "inspect", "doomed"])).code, 3);
  });
});
