import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mib } from "../../src/lib/bytes.ts";
import { noProgress, type ProgressEvent } from "../../src/lib/progress.ts";
import { run } from "../../src/lib/process.ts";
import { applyLayers } from "../../src/oci/layers/apply-layers.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { DEFAULT_LIMITS } from "../../src/oci/layers/limits.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { readAgent } from "../../src/nouns/images/agent/agent-program.ts";
import type { RootfsResult } from "../../src/nouns/images/rootfs/rootfs-replies.ts";
import { RootfsProcess } from "../../src/nouns/images/rootfs/rootfs-process.ts";
import { writeRootfs } from "../../src/nouns/images/rootfs/write-rootfs.ts";
import { mostNames, smallFiles } from "../helpers/corpus.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { ROOT } from "../helpers/test-host.ts";
import { TestLayout } from "../helpers/test-layout.ts";

const PROGRAM = join(ROOT, "build/lib/banger-rootfs.js");

/** Makes a root file system as a pull does, in a folder that `use` may look into; it is gone afterwards. */
async function make(
  layout: string,
  options: {
    readonly signal?: AbortSignal;
    readonly onTake?: () => unknown;
    readonly use?: (rootfs: string) => Promise<unknown>;
  } = {},
): Promise<RootfsResult> {
  const { signal = new AbortController().signal } = options;
  const folder = await mkdtemp(join(tmpdir(), "banger-maker-"));
  const target = join(folder, "rootfs");
  try {
    await using source = await openImageSource(parseReference(`oci:${layout}`), signal);
    const { layers } = await resolveImage(source, { signal });
    const agent = await readAgent(join(ROOT, "build/bin/banger-vsock-agent"));
    await using maker = new RootfsProcess(
      PROGRAM,
      { target, identity: "00", layers, folders: ["/data"], agent },
      signal,
    );
    const take: typeof maker.take = (...layer) => {
      options.onTake?.();
      return maker.take(...layer);
    };
    const store = new BlobStore(join(folder, "blobs"));
    await applyLayers(layers, source, store, take, { signal, progress: noProgress });
    const result = await maker.finish();
    await options.use?.(target);
    return result;
  } catch (error) {
    // What has failed leaves no file, unless it was killed: then whoever killed it removes its folder.
    if (options.onTake === undefined) assert.ok(!existsSync(target));
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Pids of makers that this process has started. */
async function makers(): Promise<number[]> {
  const children = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
  return children
    .trim()
    .split(" ")
    .map(Number)
    .filter((pid) => pid > 0 && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("banger-rootfs"));
}

const tar = (): TarBuilder => new TarBuilder();

test("where an image's commands begin is made when no layer has it, and what is left out is told", async () => {
  const file = tar()
    .pax([["SCHILY.xattr.com.apple.provenance", "x"]])
    .file("f");
  await using layout = await TestLayout.make([file.end()], { config: { config: { WorkingDir: "/srv/app" } } });
  const folder = await mkdtemp(join(tmpdir(), "banger-maker-"));
  const path = join(folder, "rootfs");
  try {
    const { signal } = new AbortController();
    await using source = await openImageSource(parseReference(layout.reference), signal);
    const resolved = await resolveImage(source, { signal });
    const agent = await readAgent(join(ROOT, "build/bin/banger-vsock-agent"));
    const blobs = new BlobStore(join(folder, "blobs"));
    const told: ProgressEvent[] = [];
    const progress = (event: ProgressEvent): unknown => told.push(event);
    await writeRootfs({ path, resolved, source, blobs, agent, program: PROGRAM }, { signal, progress });
    const { stdout } = await run("debugfs", ["-R", "stat /srv/app", path]);
    assert.match(stdout, /Type: directory +Mode: +0755/);
    assert.match(stdout, /User: +0 +Group: +0/);
    assert.match(told.find(({ id }) => id === "xattrs")?.note ?? "", /^com\.apple\.provenance of 1 file$/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("attributes that ext4 has no place for are left out, and said", async () => {
  const odd = ["com.apple.provenance", "btrfs.compression", "user.", "user.kept"];
  const files = tar();
  for (const name of ["a", "b"]) files.pax(odd.map((key) => [`SCHILY.xattr.${key}`, "value"] as const)).file(name);
  await using layout = await TestLayout.make([files.end()]);
  const result = await make(layout.folder, {
    use: async (rootfs) => {
      await run("e2fsck", ["-fn", rootfs]);
      assert.equal((await run("debugfs", ["-R", "ea_list /a", rootfs])).stdout.match(/user\.kept/g)?.length, 1);
    },
  });
  assert.deepEqual(result.droppedXattrs, [
    { name: "com.apple.provenance", files: 2 },
    { name: "btrfs.compression", files: 2 },
    { name: "user.", files: 2 },
  ]);
});

test("layers become a file system that e2fsck is content with, the agent in it", async () => {
  const release = tar().file("etc/os-release", "ID=test\n").symlink("usr/lib", "../lib");
  await using layout = await TestLayout.make([release.end(), { tar: tar().file("f", "x").end(), compression: "zstd" }]);
  const result = await make(layout.folder, {
    use: async (rootfs) => {
      await run("e2fsck", ["-fn", rootfs]);
      const { stdout } = await run("debugfs", ["-R", "stat /usr/local/libexec/banger-vsock-agent", rootfs]);
      assert.match(stdout, /Type: regular +Mode: +0755/);
      assert.match((await run("debugfs", ["-R", "stat /data", rootfs])).stdout, /Type: directory/);
    },
  });
  assert.deepEqual([result.entries, result.system.osId, result.system.init], [3, "test", "none"]);
  assert.deepEqual(await makers(), []);
});

test("an image without layers is one of the agent alone", async () => {
  await using layout = await TestLayout.make([]);
  assert.equal((await make(layout.folder)).entries, 0);
});

test("errors come back as they are: a layer that is wrong, one that is too much, one that does not fit ext4", async () => {
  await using wrong = await TestLayout.make([tar().file("fine").end(), tar().file("a/../../b").end()]);
  const error = await expectCode(make(wrong.folder), "LAYER_INVALID", /layer 2 .*entry "a\/\.\.\/\.\.\/b"/);
  assert.equal(error.data["entry"], "a/../../b");
  await using long = await TestLayout.make([tar().long("d/".repeat(5000)).dir("x").end()]);
  await expectCode(make(long.folder), "LAYER_TOO_LARGE", /10000 bytes/);
  const acl = [["SCHILY.xattr.system.posix_acl_access", "none"]] as const;
  await using odd = await TestLayout.make([tar().pax(acl).file("f").end()]);
  await expectCode(make(odd.folder), "EXT4_LIMIT");
  await using lying = await TestLayout.make([{ tar: tar().file("f").end(), diffId: `sha256:${"0".repeat(64)}` }]);
  await expectCode(make(lying.folder), "DIGEST_MISMATCH", /diff id/);
  assert.deepEqual(await makers(), []);
});

const large = (): Buffer =>
  tar()
    .file("large", Buffer.alloc(mib(40), 7))
    .end();

test("a maker that is killed is an error, not a wait", async () => {
  await using layout = await TestLayout.make([large()]);
  const killed = make(layout.folder, {
    onTake: async () => {
      for (const pid of await makers()) process.kill(pid, "SIGKILL");
    },
  });
  await expectCode(killed, "INTERNAL", /signal SIGKILL/);
});

test("an abort ends the maker at once", async () => {
  await using layout = await TestLayout.make([large()]);
  const abort = new AbortController();
  const reason = new Error("enough");
  const made = make(layout.folder, { signal: abort.signal, onTake: () => abort.abort(reason) });
  await assert.rejects(made, (error) => error === reason);
  assert.deepEqual(await makers(), []);
});

test("a maker whose daemon has gone ends", async () => {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "ignore", "inherit", "ipc"] });
  child.disconnect();
  assert.deepEqual(await once(child, "exit"), [1, null]);
});

test("the maker is of banger's own code alone: a library costs memory in every pull", async () => {
  const { sources } = JSON.parse(await readFile(`${PROGRAM}.map`, "utf8")) as { sources: string[] };
  assert.ok(sources.some((path) => path.endsWith("/rootfs/main.ts")));
  assert.deepEqual(
    sources.filter((path) => path.includes("node_modules")),
    [],
  );
});

test("200,000 small files take less than 150 MB, in one layer and in ten", async () => {
  const one = await make(await smallFiles(200_000));
  assert.equal(one.entries, 200_400);
  assert.ok(one.peakMemoryBytes < 150e6, `${one.peakMemoryBytes} bytes at the peak`);
  const ten = await make(await smallFiles(200_000, 10));
  assert.equal(ten.entries, 200_400);
  assert.ok(ten.peakMemoryBytes < 150e6, `${ten.peakMemoryBytes} bytes at the peak, in ten layers`);
});

test("as many names as an image may have take less than 200 MB", async () => {
  const { entries, peakMemoryBytes } = await make(await mostNames());
  assert.equal(entries, DEFAULT_LIMITS.maxEntries);
  assert.ok(peakMemoryBytes < 200e6, `${peakMemoryBytes} bytes at the peak`);
});

test("one large file takes no more than a small one", async () => {
  await using layout = await TestLayout.make([
    {
      tar: tar()
        .file("zeros", Buffer.alloc(mib(500), "a large file "))
        .end(),
      compression: "gzip",
    },
  ]);
  const { peakMemoryBytes } = await make(layout.folder);
  assert.ok(peakMemoryBytes < 110e6, `${peakMemoryBytes} bytes at the peak`);
  assert.ok((await readdir(tmpdir())).every((name) => !name.startsWith("banger-maker-")));
});
