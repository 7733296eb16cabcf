import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, cp, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { askDaemon, type StoryVerb } from "./fault-story.ts";
import { has, never, vm } from "./fault-verbs.ts";
import { interrupted, SMALL } from "./fault-verbs-apart.ts";
import { withFiles } from "./image-with-files.ts";
import type { TestHost } from "./test-host.ts";

const exec = promisify(execFile);

/** A verb that fails half-way: it is killed while it puts back what it did, or once it has. */
function failing(verb: Omit<StoryVerb, "run" | "undo">): StoryVerb {
  return {
    ...verb,
    async run(host) {
      const { code } = await host.banger(verb.argv);
      assert.notEqual(code, 0, `${verb.argv.join(" ")} was to fail`);
    },
    undo: [],
  };
}

/** Registers an image whose files have changed since: no disk can be made of it. */
async function ensureChanged(host: TestHost): Promise<void> {
  if (await has("image", "changed")(host)) return;
  const rootfs = join(host.folder, "changed.ext4");
  await exec("cp", ["--sparse=always", join(host.folder, "copy.ext4"), rootfs]);
  await host.ok(["image", "register", "changed", "--rootfs", "changed.ext4", "--kernel-ref", "generic"]);
  await appendFile(rootfs, Buffer.alloc(4096));
}

/** An image whose last layer is not what its manifest says. */
async function makeSpoilt(host: TestHost): Promise<void> {
  const target = join(host.folder, "spoilt");
  await using layered = await withFiles(`oci:${join(host.folder, "layout")}`, { "etc/more": "more\n" });
  const blobs = join("blobs", "sha256");
  const before = new Set(await readdir(join(host.folder, "layout", blobs)));
  await cp(layered.layout, target, { recursive: true, force: true });
  for (const name of await readdir(join(target, blobs))) {
    const path = join(target, blobs, name);
    const content = await readFile(path);
    // Of what is new, all but configuration and manifest.
    if (!before.has(name) && content[0] !== "{".charCodeAt(0)) await writeFile(path, content.toReversed());
  }
}

/** A root file system in which no agent finds its place. */
async function ensureTight(host: TestHost): Promise<void> {
  if (await has("image", "tight")(host)) return;
  const tree = join(host.folder, "tight");
  await mkdir(join(tree, "usr/local"), { recursive: true });
  await writeFile(join(tree, "usr/local/libexec"), "no folder\n");
  await exec("mke2fs", ["-q", "-t", "ext4", "-d", tree, join(host.folder, "tight.ext4"), "32M"]);
  await host.ok(["image", "register", "tight", "--rootfs", "tight.ext4", "--kernel-ref", "generic"]);
  await host.ok(["image", "promote", "tight"]);
}

/** An image that takes long to copy: nearly all of it is a hole, and hashed all the same. */
async function ensureLong(host: TestHost): Promise<void> {
  if (await has("image", "long")(host)) return;
  const rootfs = join(host.folder, "long.ext4");
  await exec("cp", ["--sparse=always", join(host.folder, "copy.ext4"), rootfs]);
  await truncate(rootfs, 64 * 1024 ** 3);
  assert.ok((await stat(rootfs)).blocks * 512 < 256 * 1024 ** 2, "the copy is not sparse");
  await host.ok(["image", "register", "long", "--rootfs", "long.ext4", "--kernel-ref", "generic"]);
}

/** Verbs that are undone, each killed there. */
export const VERBS_UNDONE: readonly StoryVerb[] = [
  failing({
    does: ["kernelImport"],
    argv: ["kernel", "import", "none", "--vmlinux", "none"],
    only: ["kernel.add/undone"],
    before: (host) => writeFile(join(host.folder, "none"), "This is no kernel.\n"),
    isDone: has("kernel", "none"),
  }),
  failing({
    does: ["imagePull"],
    argv: ["image", "pull", "oci:spoilt:latest", "--name", "spoilt", "--kernel-ref", "generic"],
    only: ["image.add/undone"],
    before: makeSpoilt,
    isDone: has("image", "spoilt"),
  }),
  failing({
    does: ["imageRefresh"],
    argv: ["image", "refresh", "tight"],
    only: ["image.refresh/undone"],
    before: ensureTight,
    isDone: never,
  }),
  {
    does: ["imagePromote"],
    argv: ["image", "promote", "long"],
    only: ["image.promote/undone"],
    before: ensureLong,
    run: (host) => interrupted(host, ["image", "promote", "long"]),
    isDone: async (host) => (await askDaemon(host).call("imageInspect", { ref: "long" })).managed,
    undo: [],
  },
  {
    does: ["imageExport"],
    argv: ["image", "export", "bb", "oci-archive:half.tar"],
    only: ["work/undone"],
    run: (host) => interrupted(host, ["image", "export", "bb", "oci-archive:half.tar"]),
    isDone: async (host) => (await readdir(host.folder)).some((name) => name.includes("half.tar")),
    undo: [],
  },
  failing({
    does: ["vmCreate"],
    argv: ["vm", "create", "--name", "half", "--image", "changed", "--no-start"],
    only: ["vm.delete/begun", "vm/deleted", "vm.delete/done", "vm.create/undone"],
    before: ensureChanged,
    isDone: has("vm", "half"),
  }),
  failing({
    does: ["vmRebase"],
    argv: ["vm", "rebase", "stays", "--image", "changed"],
    only: ["vm.rebase/undone"],
    async before(host) {
      await ensureChanged(host);
      if (!(await has("vm", "stays")(host))) await host.ok(["vm", "create", "--name", "stays", ...SMALL, "--no-start"]);
    },
    isDone: vm("stays", ({ image }) => image.name === "changed"),
    end: [["vm", "delete", "stays"]],
  }),
  // More than ext4 can have, which is known when its files are being made.
  failing({
    does: ["volumeCreate"],
    argv: ["volume", "create", "huge", "--size", "100000G"],
    only: ["volume.add/undone"],
    isDone: has("volume", "huge"),
  }),
  failing({
    does: ["imageBuildContainerfile"],
    argv: ["image", "build", "--containerfile", "Containerfile.bad", "site", "--name", "bad"],
    only: ["build.container/undone"],
    async before(host) {
      await mkdir(join(host.folder, "site"), { recursive: true });
      await writeFile(join(host.folder, "Containerfile.bad"), "FROM scratch\nCOPY nothing-like-this /\n");
    },
    isDone: has("image", "bad"),
  }),
  failing({
    does: ["imageBuild"],
    argv: ["image", "build", "--from-image", "bb", "--script", "fails.sh", "--name", "failed"],
    only: ["vm/deleted", "image.add/undone"],
    before: (host) => writeFile(join(host.folder, "fails.sh"), "exit 3\n"),
    isDone: has("image", "failed"),
  }),
];
