import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { ProgressEvent } from "../../src/lib/progress.ts";
import { configSchema } from "../../src/model/config.ts";
import { layoutFrom, type Layout } from "../../src/model/layout.ts";
import { kernelVerbs } from "../../src/nouns/kernels/kernel-verbs.ts";
import { openStore, type Store } from "../../src/nouns/store.ts";
import { buildKernel } from "../helpers/elf-builder.ts";
import { expectCode } from "../helpers/expect-code.ts";

const ROOT = join(import.meta.dirname, "../..");
let home: string;
let layout: Layout;
let store: Store;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "banger-build-"));
  layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  store = openStore(":memory:");
});
afterEach(async () => {
  store[Symbol.dispose]();
  await rm(home, { recursive: true });
});

/** Kernels with a stand-in for the script: it speaks as the script does, and its kernel is one of a test. */
async function kernelsWith(body: string) {
  const script = join(home, "make-kernel.sh");
  await writeFile(join(home, "vmlinux"), buildKernel("6.12.9-test", { pvh: true }));
  await writeFile(join(home, "config"), "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n");
  const about = JSON.stringify({ source: "linux-6.12.9.tar.xz", sourceSha256: "ab", compiler: "gcc 12" });
  await writeFile(
    script,
    `#!/bin/bash
set -euo pipefail
while [ $# -gt 0 ]; do printf '%s\\n' "$1" >>${home}/args; case $1 in --out) out=$2 ;; esac; shift; done
finish() { mkdir -p "$out/kernel"; cp ${home}/vmlinux "$out/kernel/"; echo '${about}' >"$out/kernel/build.json"; echo "$out/kernel/vmlinux"; }
${body}`,
  );
  await chmod(script, 0o755);
  const recipes = { builtInCatalog: join(ROOT, "kernel/catalog.json"), makeGenericKernel: script };
  return kernelVerbs({ layout, config: configSchema.parse({}), store, agentPath: "/nonexistent", recipes });
}

async function nothingLeft(): Promise<void> {
  assert.deepEqual([store.kernels.list(), store.intents.open()], [[], []]);
  for (const folder of [layout.kernelsDir, layout.workDir]) {
    assert.deepEqual(await readdir(folder).catch(() => []), [], folder);
  }
}

test("a build tells how far it is, and becomes a kernel that says what it was made of", async () => {
  const kernels = await kernelsWith(
    `echo "unpacking" >&2; echo "  100 of about 2550 steps, 10 s" >&2; echo "  2600 of about 2550 steps, 20 s" >&2; finish`,
  );
  const seen: ProgressEvent[] = [];
  const context = { signal: new AbortController().signal, progress: (event: ProgressEvent) => void seen.push(event) };
  const kernel = await kernels.build({ name: "mine", config: "/my/fragment", from: "debian", jobs: 3 }, context);
  const args = (await readFile(join(home, "args"), "utf8")).split("\n");
  assert.deepEqual(
    ["--config", "/my/fragment", "--from", "debian", "--jobs", "3"].filter((word) => !args.includes(word)),
    [],
  );
  const steps = seen
    .filter(({ id, unit }) => id === "build" && unit === "items")
    .map(({ done, total }) => [done, total]);
  assert.deepEqual(steps, [
    [100, 2550],
    [2550, 2550],
  ]);
  assert.deepEqual(kernel.source, {
    kind: "build",
    recipe: "/my/fragment",
    source: "linux-6.12.9.tar.xz",
    sourceSha256: "ab",
    compiler: "gcc 12",
  });
  assert.deepEqual(await readdir(layout.workDir), []);
});

test("kernel pull --build builds what nobody serves", async () => {
  const kernels = await kernelsWith("finish");
  const context = { signal: new AbortController().signal, progress: () => {} };
  await expectCode(kernels.pull({ source: "generic-6.12", build: false }, context), "KERNEL_NOT_SERVED");
  const kernel = await kernels.pull({ source: "generic-6.12", build: true }, context);
  assert.deepEqual([kernel.name, kernel.release], ["generic-6.12", "6.12.9-test"]);
});

test("a build that fails shows the end of what it said, and leaves nothing", async () => {
  const kernels = await kernelsWith(`echo "CONFIG_LOST: asked for y, is n" >&2; exit 1`);
  const context = { signal: new AbortController().signal, progress: () => {} };
  await expectCode(kernels.build({ name: "generic-6.12" }, context), "KERNEL_BUILD_FAILED", /CONFIG_LOST: asked/);
  await nothingLeft();
});

test("a build that is cancelled gets the time to clean up, and leaves nothing", async () => {
  const pipe = join(home, "pipe");
  execFileSync("mkfifo", [pipe]);
  const kernels = await kernelsWith(
    `trap 'echo cleaned >${home}/cleaned; exit 143' TERM; mkdir -p "$out"; echo $$ >${pipe}; while :; do sleep 0.1; done`,
  );
  const cancel = new AbortController();
  const building = kernels.build({ name: "generic-6.12" }, { signal: cancel.signal, progress: () => {} });
  const pid = Number(await readFile(pipe, "utf8"));
  cancel.abort();
  await assert.rejects(building, { name: "AbortError" });
  assert.equal(await readFile(join(home, "cleaned"), "utf8"), "cleaned\n");
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  await nothingLeft();
});
