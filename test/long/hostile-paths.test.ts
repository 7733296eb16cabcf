import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { AGENT_PATHS, HOSTILE_KINDS, hostileScript, type HostileKind } from "../helpers/hostile-paths.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

/**
 * Paths that a start needs as they are, besides those that the agent reads: where it mounts, where it keeps itself. A guest
 * that has something else there may fail to start, and must say why.
 */
const NEEDED_PATHS = ["/proc", "/sys", "/dev", "/run", "/usr/local/libexec/banger-first-boot", "/usr/local/libexec"];
const START_SECONDS = 60;

/** Each path with each kind, alone: a boot for each cell of the table. */
suite("each path of the agent's with each thing that is no file", { timeout: 3_000_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;
  let daemon: number;

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    const config = join(host.folder, ".config/banger/config.toml");
    await mkdir(dirname(config), { recursive: true });
    await writeFile(config, `[vm]\nstart_timeout = ${START_SECONDS}\n`);
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", image.reference, "--name", "plain", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "neighbour", "--image", "plain", "--memory", "128M"]);
    daemon = await host.daemonPid();
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  /** Starts a VM that has this there, from its second boot on, and tells how that went. */
  async function boot(
    kind: HostileKind,
    path: string,
  ): Promise<{ readonly code: number | null; readonly said: string }> {
    await host.ok(["vm", "create", "--name", "target", "--image", "plain", "--memory", "128M"]);
    try {
      // What is mounted now lies over it: the disk's own folder is reached by another mount.
      const below = `/bin/busybox mkdir -p /tmp/disk && /bin/busybox mount --bind / /tmp/disk || exit 1`;
      const script = `${below}\n${hostileScript(kind, [`/tmp/disk${path}`])}`;
      await host.ok(["vm", "exec", "--user", "0", "target", "--", "/bin/busybox", "sh", "-c", script]);
      await host.ok(["vm", "stop", "target"]);
      const { code, stderr } = await host.banger(["vm", "start", "target"], { timeoutMs: (START_SECONDS + 60) * 1000 });
      if (code === 0) {
        const alive = ["vm", "exec", "--user", "0", "target", "--", "/bin/busybox", "echo", "alive"];
        assert.equal((await host.ok(alive)).trim(), "alive");
      }
      return { code, said: stderr };
    } finally {
      await host.ok(["vm", "delete", "--force", "target"]);
      assert.equal(await host.daemonPid(), daemon);
      assert.equal((await host.ok(["vm", "exec", "neighbour", "--", "echo", "well"])).trim(), "well");
    }
  }

  for (const kind of Object.keys(HOSTILE_KINDS) as HostileKind[]) {
    for (const path of AGENT_PATHS) {
      test(`${path} as ${kind}: it starts`, async () => {
        const { code, said } = await boot(kind, path);
        assert.equal(code, 0, said);
      });
    }
    for (const path of NEEDED_PATHS) {
      test(`${path} as ${kind}: it starts, or says why not`, async () => {
        const { code, said } = await boot(kind, path);
        if (code !== 0) assert.match(said, /did not start.*\n?[^]*(banger: failed|Kernel panic|console's last lines)/);
      });
    }
  }
});
