import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import {
  AGENT_PATHS,
  HOSTILE_KINDS,
  hostileScript,
  UNREADABLE,
  UNWRITABLE,
  type HostileKind,
} from "../helpers/hostile-paths.ts";
import { withFiles, withLayer } from "../helpers/image-with-files.ts";
import { busyboxImage, debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

const exec = promisify(execFile);
/** A limit that a start in these tests meets on a busy machine, or is told about. */
const START_SECONDS = 60;
/** The same, of a start that is to fail. */
const IMPATIENT_SECONDS = 25;

/** Whatever lies at the agent's paths, in the image or put there by the guest's root later. */
suite("a guest with something else where files should be", { timeout: 900_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;
  let daemon: number;

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await limitStarts(START_SECONDS);
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await pull(image.reference, "plain");
    for (const name of ["target", "neighbour"]) await host.ok(create(name, "plain"));
    daemon = await host.daemonPid();
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  async function limitStarts(seconds: number): Promise<void> {
    const config = join(host.folder, ".config/banger/config.toml");
    await mkdir(dirname(config), { recursive: true });
    await writeFile(config, `[vm]\nstart_timeout = ${seconds}\n`);
  }

  const pull = (reference: string, name: string): Promise<string> =>
    host.ok(["image", "pull", reference, "--name", name, "--kernel-ref", "generic-6.12"]);
  const create = (name: string, from: string): readonly string[] => [
    "vm",
    "create",
    "--name",
    name,
    "--image",
    from,
    "--memory",
    "128M",
  ];
  /** A number as user needs no file of the guest's. */
  const inGuest = (vm: string, script: string) =>
    host.banger(["vm", "exec", "--user", "0", vm, "--", "/bin/busybox", "sh", "-c", script], { timeoutMs: 60_000 });

  /** Neither the daemon nor another VM has noticed anything. */
  async function unharmed(): Promise<void> {
    assert.equal(await host.daemonPid(), daemon);
    assert.equal((await host.ok(["vm", "exec", "neighbour", "--", "echo", "well"])).trim(), "well");
  }

  /** What is said of each kind, and that the guest can be entered all the same. */
  async function holds(vm: string, kind: HostileKind): Promise<void> {
    const asRoot = await host.banger(["vm", "exec", vm, "--", "/bin/busybox", "true"], { timeoutMs: 60_000 });
    if (UNREADABLE.has(kind)) {
      assert.equal(asRoot.code, 126, asRoot.stderr);
      assert.match(asRoot.stderr, /\/etc\/passwd/);
    } else assert.equal(asRoot.code, 0, asRoot.stderr);
    const alive = await inGuest(vm, "echo alive");
    assert.equal(alive.stdout.toString("utf8"), "alive\n", alive.stderr);
    await unharmed();
  }

  function tellsOf(kind: HostileKind, said: string): void {
    if (UNWRITABLE.has(kind)) assert.match(said, /warning: .*\/etc\/hostname/);
    else assert.doesNotMatch(said, /warning/);
  }

  test("the agent listens on the one line that its VM has, though its kernel has a vsock", async () => {
    const said = (await inGuest("target", "/bin/busybox dmesg; ls /dev/vsock")).stdout.toString("utf8");
    assert.match(said, /banger-agent: .*listening line=virtio-serial/);
    assert.doesNotMatch(said, /listening line=vsock/);
    assert.match(said, /^\/dev\/vsock$/m);
  });

  test("no user of the guest can read the secret by which its agent knows the host", async () => {
    const secret = "/run/banger/secret";
    assert.equal((await inGuest("target", `stat -c %a ${secret}`)).stdout.toString("utf8").trim(), "600");
    const asUser = await host.banger(["vm", "exec", "--user", "user", "target", "--", "cat", secret]);
    assert.match(asUser.stderr, /denied/i);
    const [, key = "none"] = (await inGuest("target", `cat ${secret}`)).stdout.toString("utf8").split(/\s/);
    assert.match(key, /^[0-9a-f]{64}$/);
    assert.doesNotMatch(await host.ok(["vm", "exec", "target", "--", "cat", "/proc/cmdline"]), new RegExp(key));
    // Another daemon takes the VM back, and shows the same.
    await host.ok(["daemon", "stop"]);
    assert.equal((await host.ok(["vm", "exec", "target", "--", "echo", "again"])).trim(), "again");
    daemon = await host.daemonPid();
  });

  for (const kind of Object.keys(HOSTILE_KINDS) as HostileKind[]) {
    test(`${kind}: resumes, runs commands and starts, and says what it could not do`, async () => {
      const made = await inGuest("target", hostileScript(kind));
      assert.equal(made.code, 0, made.stderr);
      await host.ok(["vm", "pause", "target"]);
      const resumed = await host.banger(["vm", "resume", "target"], { timeoutMs: 60_000 });
      assert.equal(resumed.code, 0, resumed.stderr);
      tellsOf(kind, resumed.stderr);
      await holds("target", kind);
      await host.ok(["vm", "stop", "target"]);
      const started = await host.banger(["vm", "start", "target"]);
      assert.equal(started.code, 0, started.stderr);
      tellsOf(kind, started.stderr);
      await holds("target", kind);
    });
  }

  test("an image that is so from the start boots", async () => {
    await using hostile = await withLayer(image.reference, async (tree) => {
      for (const path of AGENT_PATHS) {
        await mkdir(join(tree, dirname(path)), { recursive: true });
        if (/passwd|group|os-release/.test(path)) await symlink("/dev/zero", join(tree, path));
        else await exec("mkfifo", [join(tree, path)]);
      }
    });
    await pull(`oci:${hostile.layout}:${hostile.tag}`, "hostile");
    const created = await host.banger(create("fifos", "hostile"));
    assert.equal(created.code, 0, created.stderr);
    await holds("fifos", "FIFO");
    await host.ok(["vm", "delete", "--force", "fifos"]);
  });

  test("an image's own agent does not take the place of ours", async () => {
    const liar = "#!/bin/sh\necho 'banger: stage agent'\nexec sleep 1000\n";
    const ours = ["usr/local/libexec/banger-vsock-agent", "usr/local/libexec/banger-first-boot"];
    await using lying = await withFiles(image.reference, Object.fromEntries(ours.map((path) => [path, liar])));
    await pull(`oci:${lying.layout}:${lying.tag}`, "lying");
    await host.ok(create("honest", "lying"));
    assert.match(await host.ok(["vm", "exec", "honest", "--", "cat", "/proc/1/comm"]), /^banger/);
    await host.ok(["vm", "delete", "--force", "honest"]);
  });

  test("units of an image do not take the place of ours, nor do its masks", async () => {
    const names = ["banger-vsock-agent", "banger-first-boot", "banger-service"];
    await using overriding = await withLayer(await debianImage("bookworm"), async (tree) => {
      for (const folder of ["etc/systemd/system", "etc/systemd/system.control", "usr/lib/systemd/system"]) {
        await mkdir(join(tree, folder), { recursive: true });
        for (const name of names) {
          const unit = join(tree, folder, `${name}.service`);
          if (name === "banger-vsock-agent") await writeFile(unit, "[Service]\nType=oneshot\nExecStart=/bin/false\n");
          else await symlink("/dev/null", unit);
        }
      }
    });
    await pull(`oci:${overriding.layout}:${overriding.tag}`, "overriding");
    await host.ok(["vm", "create", "--name", "units", "--image", "overriding", "--service", "--", "sleep", "1000"]);
    assert.match(await host.ok(["vm", "exec", "units", "--", "cat", "/proc/1/comm"]), /^systemd/);
    const limit = AbortSignal.timeout(60_000);
    let service: { readonly state: string } | undefined;
    while (service?.state !== "running") {
      assert.ok(!limit.aborted, `its own command is ${service?.state ?? "not begun"}`);
      ({ service } = await host.json<{ service?: typeof service }>(["vm", "inspect", "units"]));
    }
    await host.ok(["vm", "delete", "--force", "units"]);
  });

  test("a process that takes the agent's port first is told of, and nothing is told to it", async () => {
    // As systemd of an image might: first of all it speaks on the port, and only then has the agent run.
    const thief = `#!/bin/sh
for port in /sys/class/virtio-ports/*; do exec 3<>/dev/\${port##*/}; done
while echo garbage >&3; do cat <&3 >>/heard; sleep 1; done &
/usr/local/libexec/banger-vsock-agent serve
while :; do sleep 1000; done
`;
    await using stolen = await withFiles(image.reference, { "lib/systemd/systemd": thief });
    await pull(`oci:${stolen.layout}:${stolen.tag}`, "stolen");
    await limitStarts(IMPATIENT_SECONDS);
    await host.ok(["daemon", "stop"]);
    const since = performance.now();
    const created = await host.banger([...create("stolen", "stolen"), "--init", "systemd"]);
    assert.notEqual(created.code, 0);
    assert.match(created.stderr, /no line leads to the host.*busy/);
    assert.ok(performance.now() - since < (IMPATIENT_SECONDS + 30) * 1000);
    daemon = await host.daemonPid();
    await unharmed();
  });
});
