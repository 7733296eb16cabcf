import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { buildKernel } from "./elf-builder.ts";
import type { StoryVerb } from "./fault-story.ts";
import { always, has, vm } from "./fault-verbs.ts";
import { newKeys, PUBLISH, useCatalog } from "./published-kernel.ts";
import type { TestHost } from "./test-host.ts";
import type { TestRegistry } from "./test-registry.ts";

const exec = promisify(execFile);

export const SMALL = ["--image", "bb", "--memory", "128M"] as const;

/** The daemon reads it when it starts. */
async function configure(host: TestHost, text: string): Promise<void> {
  const path = join(host.folder, ".config/banger/config.toml");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await host.banger(["daemon", "stop"]);
}

async function unconfigured(host: TestHost): Promise<void> {
  await rm(join(host.folder, ".config/banger/config.toml"), { force: true });
  await host.banger(["daemon", "stop"]);
}

/** A VM of that name that is there, and off. */
export async function ensureVm(host: TestHost, name: string): Promise<void> {
  if (!(await has("vm", name)(host))) await host.ok(["vm", "create", "--name", name, ...SMALL, "--no-start"]);
  await host.ok(["vm", "stop", name, "--force"]);
}

/** Runs a command, and interrupts it as Ctrl-C does once it has said something. */
export async function interrupted(host: TestHost, argv: readonly string[]): Promise<void> {
  let isSent = false;
  const { code } = await host.banger(argv, {
    onOutput(_text, pid) {
      if (!isSent) process.kill(pid, "SIGINT");
      isSent = true;
    },
  });
  assert.notEqual(code, 0, `${argv.join(" ")} was done before it could be interrupted`);
}

/** Ways that verbs take when something is odd, and those that need something of their own. */
export const VERBS_APART: readonly StoryVerb[] = [
  {
    does: ["vmStart"],
    argv: ["vm", "start", "slow"],
    only: ["vm/failed", "vm.start/undone"],
    async before(host) {
      await ensureVm(host, "slow");
      await configure(host, "[vm]\nstart_timeout = 1\n");
    },
    async run(host) {
      assert.notEqual((await host.banger(["vm", "start", "slow"])).code, 0);
    },
    after: unconfigured,
    isDone: vm("slow", ({ state }) => state === "failed"),
    undo: [],
  },
  {
    does: ["vmStart"],
    argv: ["vm", "start", "slow", "(interrupted)"],
    only: ["vm/start-cancelled", "vm.start/undone"],
    before: (host) => ensureVm(host, "slow"),
    run: (host) => interrupted(host, ["vm", "start", "slow"]),
    isDone: vm("slow", ({ state }) => state === "stopped"),
    undo: [],
  },
  {
    does: ["operationCancel"],
    argv: ["operation", "cancel"],
    only: ["vm/start-cancelled"],
    before: (host) => ensureVm(host, "slow"),
    async run(host) {
      const id = (await host.ok(["vm", "start", "slow", "--detach"])).trim();
      await host.ok(["operation", "cancel", id]);
      assert.notEqual((await host.banger(["operation", "follow", id])).code, 0, "it was done before it was cancelled");
    },
    isDone: vm("slow", ({ state }) => state === "stopped"),
    undo: [],
    end: [["vm", "delete", "slow"]],
  },
  {
    does: ["imageRegister"],
    argv: ["image", "register", "theirs", "--rootfs", "theirs.ext4", "--kernel-ref", "generic"],
    only: ["image/restamped"],
    async before(host) {
      const rootfs = join(host.folder, "theirs.ext4");
      if (!(await has("image", "theirs")(host))) {
        await exec("cp", ["--sparse=always", join(host.folder, "copy.ext4"), rootfs]);
        await host.ok(["image", "register", "theirs", "--rootfs", "theirs.ext4", "--kernel-ref", "generic"]);
      }
      await utimes(rootfs, new Date(), new Date());
    },
    isDone: always,
    undo: [],
  },
  {
    does: ["imageBuildContainerfile"],
    argv: [
      "image",
      "build",
      "--containerfile",
      "site/Containerfile",
      "site",
      "--name",
      "made",
      "--kernel-ref",
      "generic",
    ],
    only: ["build.container/begun", "image/built", "build.container/done"],
    async before(host) {
      const site = join(host.folder, "site");
      await mkdir(site, { recursive: true });
      await copyFile("/bin/busybox", join(site, "busybox"));
      await writeFile(join(site, "Containerfile"), "FROM scratch\nCOPY busybox /bin/busybox\n");
    },
    isDone: has("image", "made"),
    undo: [["image", "delete", "made"]],
  },
  {
    does: ["imagePull"],
    argv: ["image", "pull", "oci-archive:far.tar", "--name", "far"],
    only: ["kernel/released"],
    // An image with a kernel that is not here: made here, sent out, and forgotten.
    async before(host) {
      if (await has("kernel", "foreign")(host)) return;
      await writeFile(join(host.folder, "foreign-vmlinux"), buildKernel("6.12.1-foreign", { pvh: true }));
      await host.ok(["kernel", "import", "foreign", "--vmlinux", "foreign-vmlinux"]);
      await host.ok(["image", "pull", "oci:layout:latest", "--name", "far", "--kernel-ref", "foreign"]);
      await rm(join(host.folder, "far.tar"), { force: true });
      await host.ok(["image", "export", "far", "oci-archive:far.tar"]);
      await host.ok(["image", "delete", "far"]);
      await host.ok(["kernel", "delete", "foreign"]);
    },
    isDone: has("image", "far"),
    undo: [
      ["image", "delete", "far"],
      ["kernel", "delete", "foreign"],
    ],
  },
];

/** Puts another banger's agent into an image. All of its points. */
export function refreshVerb(otherAgent: string): StoryVerb {
  return {
    does: ["imageRefresh"],
    argv: ["image", "refresh", "bb"],
    env: { BANGER_AGENT: otherAgent },
    isDone: always,
    // The next daemon has this banger's own agent again.
    undo: [["image", "refresh", "bb"]],
    end: [["image", "refresh", "bb"]],
  };
}

/** Pulls a newer version of a kernel that an image boots with: the one before gets a name of its own. */
export function kernelUpdateVerb(registry: Pick<TestRegistry, "host">): StoryVerb {
  let version = 0;
  let keys: Awaited<ReturnType<typeof newKeys>> | undefined;
  const url = `oci://${registry.host}/test/kernels`;
  const publish = async (host: TestHost): Promise<void> => {
    version += 1;
    keys ??= await newKeys(host.folder, "story");
    const from = join(host.folder, "manual");
    await mkdir(from, { recursive: true });
    await writeFile(join(from, "vmlinux"), buildKernel(`6.12.${version}-test`, { pvh: true }));
    await writeFile(join(from, "config"), "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n");
    const { code, stderr } = await host.run(PUBLISH, ["mine", "--from", from, "--to", url, "--key", keys.secret]);
    assert.equal(code, 0, stderr);
    await useCatalog(host, url, keys.line);
  };
  return {
    does: ["kernelPull"],
    argv: ["kernel", "pull", "mine"],
    only: ["kernel/renamed", "image/kernel-changed"],
    async before(host) {
      await publish(host);
      if (!(await has("kernel", "mine")(host))) await host.ok(["kernel", "pull", "mine"]);
      if (await has("image", "old")(host)) await host.ok(["image", "delete", "old"]);
      await host.ok(["image", "pull", "oci:layout:latest", "--name", "old", "--kernel-ref", "mine"]);
      await publish(host);
    },
    isDone: async (host) =>
      (await host.json<{ release: string }>(["kernel", "inspect", "mine"])).release === `6.12.${version}-test`,
    undo: [],
  };
}
