import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../src/lib/process.ts";
import type { ProgressEvent } from "../../src/lib/progress.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { isDigest } from "../../src/oci/manifest/digest.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { at, importReference, sha256, TestLayout, type TestImport } from "../helpers/test-layout.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const base = new TarBuilder().dir("etc").file("etc/base", "base").file("shared", "x".repeat(100_000)).end();
const changed = new TarBuilder().file("etc/changed", "changed").file("etc/.wh.base").end();
const config = {
  config: {
    Env: ["PATH=/bin", "A=b"],
    User: "1000:1000",
    WorkingDir: "/etc",
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: ["true"],
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/data": {} },
    Labels: { maintainer: "someone" },
    StopSignal: "SIGINT",
  },
};

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "banger-oci-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const pull = (reference: string, options: Parameters<typeof importReference>[1] = {}): Promise<TestImport> =>
  importReference(parseReference(reference), options);

test("an image comes out of a real registry as it went in, with all its config", async () => {
  await using registry = await TestRegistry.start();
  await using layout = await TestLayout.make(
    [
      { tar: base, compression: "gzip" },
      { tar: changed, compression: "zstd" },
    ],
    { config },
  );
  const reference = await registry.push(layout.reference, "team/app:1.0");
  const { image, root, sink } = await pull(reference);
  assert.equal(sink.contentOf(at(root, "etc/changed")).toString(), "changed");
  assert.equal(at(root, "etc/base"), undefined);
  assert.deepEqual(image.config.run, {
    env: ["PATH=/bin", "A=b"],
    user: "1000:1000",
    workingDir: "/etc",
    entrypoint: ["/bin/sh", "-c"],
    cmd: ["true"],
    exposedPorts: ["80/tcp"],
    volumes: ["/data"],
    labels: { maintainer: "someone" },
    stopSignal: "SIGINT",
  });
  // By digest it is the same image; by a tag or digest that is not there, it is none.
  const byDigest = await pull(`${registry.ref("team/app")}@${image.digest}`);
  assert.equal(byDigest.image.digest, image.digest);
  await expectCode(pull(registry.ref("team/app:2.0")), "MANIFEST_NOT_FOUND", /no such image/);
  await expectCode(pull(registry.ref("team/other")), "MANIFEST_NOT_FOUND");
  await expectCode(pull(`${registry.ref("team/app")}@${sha256(base)}`), "MANIFEST_NOT_FOUND");
});

test("Docker's schema 2, as skopeo converts it", async () => {
  await using registry = await TestRegistry.start();
  await using layout = await TestLayout.make([{ tar: base, compression: "gzip" }], { config });
  const reference = await registry.push(layout.reference, "docker:v2", ["--format", "v2s2"]);
  const { image, root } = await pull(reference);
  assert.equal(image.manifestMediaType, "application/vnd.docker.distribution.manifest.v2+json");
  assert.ok(at(root, "etc/base"));
  assert.equal(image.config.run.user, "1000:1000");
});

test("layers that are here already are not fetched again, and it says so", async () => {
  await using registry = await TestRegistry.start();
  await using first = await TestLayout.make([{ tar: base, compression: "gzip" }]);
  await using second = await TestLayout.make([
    { tar: base, compression: "gzip" },
    { tar: changed, compression: "gzip" },
  ]);
  const one = await registry.push(first.reference, "shared:1");
  const two = await registry.push(second.reference, "shared:2");
  await inFolder(async (folder) => {
    const store = new BlobStore(folder);
    const notes = async (reference: string): Promise<(string | undefined)[]> => {
      const events: ProgressEvent[] = [];
      await pull(reference, { store, progress: (event) => events.push(event) });
      return events
        .filter(({ status }) => status === "done")
        .map(({ note }) => (note === "already here" ? note : "fetched"))
        .sort();
    };
    assert.deepEqual(await notes(one), ["fetched"]);
    assert.deepEqual(await notes(two), ["already here", "fetched"]);
    assert.deepEqual(await notes(two), ["already here", "already here"]);
  });
});

test("two pulls of one image at once fetch each layer once", async () => {
  await using registry = await TestRegistry.start();
  await using layout = await TestLayout.make([
    { tar: base, compression: "gzip" },
    { tar: base, compression: "gzip" },
    { tar: changed },
  ]);
  const reference = await registry.push(layout.reference, "twice:1");
  await inFolder(async (folder) => {
    const store = new BlobStore(folder);
    const pulls = await Promise.all([
      pull(reference, { store }),
      pull(reference, { store }),
      pull(reference, { store }),
    ]);
    for (const { root } of pulls) assert.ok(at(root, "etc/changed"));
  });
});

test("a stored layer that was damaged is dropped, and the next pull is good", async () => {
  await using layout = await TestLayout.make([{ tar: base, compression: "gzip" }]);
  await inFolder(async (folder) => {
    const store = new BlobStore(folder);
    const { image } = await pull(layout.reference, { store });
    const digest = image.layers[0]?.descriptor.digest;
    assert.ok(digest !== undefined && isDigest(digest));
    const blob = await readFile(store.path(digest));
    await writeFile(store.path(digest), Buffer.from(blob).fill(7, 100, 200));
    await expectCode(pull(layout.reference, { store }), "DIGEST_MISMATCH", /stored copy/);
    assert.ok(!existsSync(store.path(digest)));
    await pull(layout.reference, { store });
  });
});

test("a disk that is full: said so, and nothing left on it", { skip: process.getuid?.() !== 0 }, async () => {
  const random = new TarBuilder().file("random", randomBytes(4 * 2 ** 20)).end();
  await using layout = await TestLayout.make([random]);
  await inFolder(async (folder) => {
    await run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
    try {
      const store = new BlobStore(folder);
      await expectCode(pull(layout.reference, { store }), "DISK_FULL");
      assert.deepEqual(await readdir(join(folder, "sha256")), []);
    } finally {
      await run("umount", [folder]);
    }
  });
});

test("archives: OCI and docker save, plain and compressed, by name", async () => {
  await using layout = await TestLayout.make(
    [
      { tar: base, compression: "gzip" },
      { tar: changed, compression: "gzip" },
    ],
    { config },
  );
  await inFolder(async (folder) => {
    const skopeo = (to: string): Promise<unknown> => run("skopeo", ["copy", "--insecure-policy", layout.reference, to]);
    const oci = join(folder, "oci.tar");
    const docker = join(folder, "docker.tar");
    await skopeo(`oci-archive:${oci}:1.0`);
    await skopeo(`docker-archive:${docker}:team/app:1.0`);
    for (const archive of [oci, docker]) {
      await run("gzip", ["-k", archive]);
      await run("zstd", ["-q", archive]);
    }
    for (const kind of ["oci-archive", "docker-archive"]) {
      for (const suffix of ["", ".gz", ".zst"]) {
        const { image, root } = await pull(`${kind}:${kind === "oci-archive" ? oci : docker}${suffix}`);
        assert.ok(at(root, "etc/changed") !== undefined && at(root, "etc/base") === undefined);
        assert.equal(image.config.run.user, "1000:1000");
      }
    }
    await pull(`oci-archive:${oci}:1.0`);
    await pull(`docker-archive:${docker}:team/app:1.0`);
    await expectCode(pull(`oci-archive:${oci}:2.0`), "MANIFEST_NOT_FOUND", /it holds 1\.0/);
    await expectCode(pull(`docker-archive:${docker}:team/app:2.0`), "MANIFEST_NOT_FOUND", /it holds .*team\/app:1\.0/);
    await expectCode(pull(`docker-archive:${oci}`), "ARCHIVE_INVALID", /no manifest\.json/);
    await expectCode(pull(`oci-archive:${docker}`), "ARCHIVE_INVALID", /no oci-layout/);
    await expectCode(pull(`oci-archive:${folder}/none.tar`), "FILE_UNREADABLE");
    await expectCode(pull(`oci-archive:${folder}`), "ARCHIVE_INVALID", /not a file/);

    const cut = join(folder, "cut.tar");
    await writeFile(cut, (await readFile(oci)).subarray(0, 600));
    await expectCode(pull(`oci-archive:${cut}`), "ARCHIVE_INVALID", /cut off/);
    await writeFile(cut, Buffer.alloc(0));
    await expectCode(pull(`oci-archive:${cut}`), "ARCHIVE_INVALID");
  });
});

test("an index: this host's platform, attestations passed over", async () => {
  await using registry = await TestRegistry.start();
  await using layout = await TestLayout.make([{ tar: base, compression: "gzip" }]);
  const unknown = { os: "unknown", architecture: "unknown" };
  const here = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
  const other = { ...layout.entry, platform: { os: "linux", architecture: "s390x" } };
  const manifests = [{ ...layout.entry, platform: unknown }, other, { ...layout.entry, platform: here }];
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
  await layout.writeIndex({ schemaVersion: 2, manifests: [await layout.addJson(index.mediaType, index)] });
  const reference = await registry.push(layout.reference, "multi:1", ["--all"]);
  assert.ok(at((await pull(reference)).root, "etc/base"));
  assert.ok(at((await pull(layout.reference)).root, "etc/base"));
});
