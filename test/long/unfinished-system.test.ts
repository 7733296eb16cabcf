import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFiles } from "../helpers/image-with-files.ts";
import { debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";

/** For a start and, again, for what is waited for: Debian boots in half a minute under emulation on an idle machine. */
const START_SECONDS = 150;

const unit = (service: string): string =>
  `[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\n${service}\n`;

test("a Debian that never comes to the end of its boot is told with what it still does, and what has failed", async () => {
  await using image = await withFiles(await debianImage("bookworm"), {
    "etc/systemd/system/never-ends.service": unit("ExecStart=/bin/sleep infinity"),
    "etc/systemd/system/always-fails.service": unit("ExecStart=/bin/false"),
    "etc/systemd/system/multi-user.target.d/both.conf":
      "[Unit]\nWants=never-ends.service always-fails.service\nAfter=never-ends.service always-fails.service\n",
  });
  await using host = await TestHost.start();
  const config = join(host.folder, ".config/banger");
  await mkdir(config, { recursive: true });
  await writeFile(join(config, "config.toml"), `[vm]\nstart_timeout = ${START_SECONDS}\n`);
  await host.ok(["kernel", "build", "generic-6.12"], { timeoutMs: 2_700_000 });
  await host.ok([
    "image",
    "pull",
    `oci:${image.layout}:${image.tag}`,
    "--name",
    "debian",
    "--kernel-ref",
    "generic-6.12",
  ]);
  const words = [
    "vm",
    "create",
    "--name",
    "box",
    "--image",
    "debian",
    "--memory",
    "512M",
    "--wait",
    "system",
    "--json",
  ];
  const { code, stderr } = await host.banger(words, { timeoutMs: 600_000 });
  assert.equal(code, 7, stderr);
  const { error } = JSON.parse(stderr.trim().split("\n").at(-1) ?? "") as { error: { code: string; why: string } };
  assert.equal(error.code, "VM_NOT_READY");
  assert.match(error.why, /^systemd says "starting"; its jobs: never-ends\.service \(start, running\), /);
  assert.match(error.why, /multi-user\.target \(start, waiting\)/);
  assert.match(error.why, /; failed: .*always-fails\.service/);
});
