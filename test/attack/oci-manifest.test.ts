import assert from "node:assert/strict";
import { link, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hostPlatform } from "../../src/oci/manifest/platform.ts";
import { parseManifest } from "../../src/oci/manifest/manifest.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import type { ErrorCode } from "../../src/lib/error-codes.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import {
  importLayers,
  importReference,
  sha256,
  TestLayout,
  type TestLayer,
  type TestLayoutOptions,
} from "../helpers/test-layout.ts";

const layer = new TarBuilder().file("f", "content").end();
const HEX = "0".repeat(64);
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

async function fails(
  layers: readonly (TestLayer | Buffer)[],
  options: TestLayoutOptions,
  code: ErrorCode,
  says?: RegExp,
): Promise<void> {
  await expectCode(importLayers(layers, options), code, says);
}

/** A layout whose index.json is this; the manifest of a good image can be named in it. */
async function indexFails(
  makeIndex: (layout: TestLayout, entry: object) => Promise<unknown>,
  code: ErrorCode,
  says?: RegExp,
): Promise<void> {
  await using layout = await TestLayout.make([layer]);
  const entry = layout.entry;
  await layout.writeIndex(await makeIndex(layout, entry));
  await expectCode(importReference(parseReference(layout.reference)), code, says);
}

for (const digest of [
  `sha256:${"A".repeat(64)}`,
  "sha256:../../x",
  "sha256:",
  `md5:${"0".repeat(32)}`,
  `sha256:${HEX}0`,
  `sha256:${HEX}\n`,
  `sha512:${HEX}`,
  `sha256:${HEX.slice(1)}/`,
  HEX,
]) {
  test(`a digest that is none: ${JSON.stringify(digest.slice(0, 20))} of ${digest.length}`, async () => {
    await fails([{ tar: layer, descriptor: { digest } }], {}, "MANIFEST_INVALID", /digest/);
    await fails([layer], { config: { rootfs: { type: "layers", diff_ids: [digest] } } }, "MANIFEST_INVALID", /digest/);
    assert.throws(() => parseReference(`a@${digest}`), { code: "REFERENCE_INVALID" });
  });
}

test("a layer that is not what its digest says, and nothing is kept of it", async () => {
  await using layout = await TestLayout.make([layer]);
  const blob = join(layout.folder, "blobs", "sha256", sha256(layer).slice(7));
  await writeFile(blob, Buffer.from(layer).fill(0x41, 512, 519));
  const store = new BlobStore(join(layout.folder, "store"));
  await expectCode(
    importReference(parseReference(layout.reference), { store }),
    "DIGEST_MISMATCH",
    /is not what its digest says/,
  );
  assert.deepEqual(await readdir(join(store.folder, "sha256")), []);
});

test("a layer that is longer or shorter than its descriptor says", async () => {
  await fails([{ tar: layer, descriptor: { size: layer.length + 1 } }], {}, "SIZE_MISMATCH");
  await fails([{ tar: layer, descriptor: { size: layer.length - 1 } }], {}, "SIZE_MISMATCH");
  await fails([{ tar: layer, descriptor: { size: 0 } }], {}, "DIGEST_MISMATCH");
  await fails([{ tar: layer, descriptor: { size: -1 } }], {}, "MANIFEST_INVALID", /size/);
  await fails([{ tar: layer, descriptor: { size: 1e300 } }], {}, "MANIFEST_INVALID", /size/);
  await fails([{ tar: layer, descriptor: { size: "9" } }], {}, "MANIFEST_INVALID", /size/);
});

test("a layer that unpacks to something else than the config says", async () => {
  await fails([{ tar: layer, compression: "gzip", diffId: `sha256:${HEX}` }], {}, "DIGEST_MISMATCH", /diff id/);
});

test("a config that counts other layers than the manifest", async () => {
  await fails(
    [layer],
    { config: { rootfs: { type: "layers", diff_ids: [] } } },
    "MANIFEST_INVALID",
    /0 diff ids, and the manifest 1/,
  );
  await fails(
    [layer],
    { config: { history: [{}, {}, { empty_layer: true }] } },
    "MANIFEST_INVALID",
    /history tells of 2/,
  );
  await importLayers([layer], { config: { history: [{}, { empty_layer: true }] } });
  // Fewer is how tools leave it that add a layer and tell nothing; Docker takes that, and refuses only more.
  await importLayers([layer, layer], { config: { history: [{}] } });
});

test("a config that nothing could be run with", async () => {
  const odd = [
    { Env: ["A=1", "B=2\0"] },
    { User: "a\0" },
    { WorkingDir: "/a\0" },
    { Cmd: ["a\0"] },
    { Entrypoint: ["\0"] },
  ];
  for (const config of odd) await fails([layer], { config: { config } }, "MANIFEST_INVALID", /NUL/);
});

test("null where a list is empty, as Go writes it", async () => {
  const rootfs = { type: "layers", diff_ids: null };
  const { image, root } = await importLayers([], { config: { rootfs }, manifest: { layers: null } });
  assert.deepEqual([image.layers, root.entries.size], [[], 0]);
});

test("an image that does not say what it is built for is for this host", async () => {
  const host = hostPlatform();
  for (const config of [{ os: "", architecture: "" }, { os: undefined, architecture: undefined }, { os: null }]) {
    const { image } = await importLayers([layer], { config });
    const { os, architecture } = image.config.platform;
    assert.deepEqual([os, architecture], [host.os, host.architecture]);
  }
  await fails([layer], { config: { os: "", architecture: "s390x" } }, "PLATFORM_MISSING", /linux\/s390x/);
  await using layout = await TestLayout.make([layer]);
  const blank = { ...layout.entry, platform: { os: "", architecture: "" } };
  await layout.writeIndex({
    schemaVersion: 2,
    manifests: [{ ...blank, digest: `sha256:${HEX}`, platform: { os: "linux", architecture: "s390x" } }, blank],
  });
  await importReference(parseReference(layout.reference));
});

test("a config of 1 GiB is not read", async () => {
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${HEX}`, size: 2 ** 30 };
  await fails([layer], { manifest: { config } }, "MANIFEST_INVALID", /1073741824 bytes/);
});

test("a manifest past 4 MiB is not read", async () => {
  await indexFails(
    async (layout) => {
      const big = await layout.addBlob(Buffer.alloc(4 * 2 ** 20 + 1, " "), MANIFEST);
      return { schemaVersion: 2, manifests: [big] };
    },
    "ARCHIVE_INVALID",
    /at most 4194304/,
  );
  await indexFails(
    async () => ({ schemaVersion: 2, manifests: [], padding: "x".repeat(4 * 2 ** 20) }),
    "ARCHIVE_INVALID",
    /at most 4194304/,
  );
});

test("layers that lie elsewhere, in any spelling", async () => {
  for (const url of ["http://169.254.169.254/latest", "file:///etc/passwd", "https://example.com/layer"]) {
    await fails([{ tar: layer, descriptor: { urls: [url] } }], {}, "MEDIA_TYPE_UNSUPPORTED", /elsewhere/);
  }
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  await fails(
    [{ tar: layer, descriptor: { mediaType: foreign } }],
    {},
    "MEDIA_TYPE_UNSUPPORTED",
    /outside the registry/,
  );
  const nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  await fails(
    [{ tar: layer, descriptor: { mediaType: nondistributable } }],
    {},
    "MEDIA_TYPE_UNSUPPORTED",
    /outside the registry/,
  );
  await importLayers([{ tar: layer, descriptor: { urls: [] } }]);
});

test("encrypted layers, artefacts, and other media", async () => {
  const encrypted = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
  await fails([{ tar: layer, descriptor: { mediaType: encrypted } }], {}, "MEDIA_TYPE_UNSUPPORTED", /encrypted/);
  const helm = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
  await fails([{ tar: layer, descriptor: { mediaType: helm } }], {}, "MEDIA_TYPE_UNSUPPORTED");
  await fails([layer], { manifest: { artifactType: "application/vnd.example" } }, "MEDIA_TYPE_UNSUPPORTED", /artefact/);
  const empty = { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256(Buffer.from("{}")), size: 2 };
  await fails([layer], { manifest: { config: empty } }, "MEDIA_TYPE_UNSUPPORTED", /artefact/);
});

test("Docker's schema 1", () => {
  const schema1 = { schemaVersion: 1, name: "a", tag: "b", fsLayers: [], history: [], signatures: [] };
  for (const type of ["application/vnd.docker.distribution.manifest.v1+prettyjws", undefined]) {
    assert.throws(() => parseManifest(Buffer.from(JSON.stringify(schema1)), type), { code: "MEDIA_TYPE_UNSUPPORTED" });
  }
});

test("a document that could be read as two things (CVE-2021-41190)", () => {
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${HEX}`, size: 2 };
  const both = { schemaVersion: 2, config, layers: [], manifests: [] };
  for (const type of [MANIFEST, INDEX, undefined]) {
    assert.throws(() => parseManifest(Buffer.from(JSON.stringify(both)), type), { code: "MANIFEST_INVALID" });
  }
  const lying = { schemaVersion: 2, mediaType: INDEX, config, layers: [] };
  assert.throws(() => parseManifest(Buffer.from(JSON.stringify(lying)), MANIFEST), { code: "MANIFEST_INVALID" });
});

test("documents that are no documents", () => {
  const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
  const documents = [
    "",
    "null",
    "[]",
    "1",
    '"x"',
    "{",
    "{}",
    deep,
    `{"a":${deep}}`,
    '{"schemaVersion":1}',
    "\u{feff}{}",
    '{"schemaVersion":2,"layers":{}}',
  ];
  for (const text of documents) {
    assert.throws(
      () => parseManifest(Buffer.from(text), MANIFEST),
      (error: unknown) => error instanceof Error && "code" in error && error.code === "MANIFEST_INVALID",
      text.slice(0, 50),
    );
  }
  assert.throws(() => parseManifest(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), MANIFEST), {
    code: "MANIFEST_INVALID",
  });
});

test("keys that mean something to JavaScript are only keys", async () => {
  const text = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"Labels":{"__proto__":"x","toString":"y"},"Env":["A=b"]}`;
  await using layout = await TestLayout.make([layer], { config: { config: JSON.parse(text) as unknown } });
  const { image } = await importReference(parseReference(layout.reference));
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.deepEqual(image.config.run.env, ["A=b"]);
  assert.equal(image.config.run.labels["toString"], "y");
});

test("an index that leads to itself, or on and on", async () => {
  await indexFails(
    async (layout, entry) => {
      let next: object = entry;
      for (let i = 0; i < 1000; i++) next = await layout.addJson(INDEX, { schemaVersion: 2, manifests: [next] });
      return { schemaVersion: 2, manifests: [next] };
    },
    "MANIFEST_INVALID",
    /nested more than 4/,
  );
  await using layout = await TestLayout.make([layer]);
  await layout.writeIndex({
    schemaVersion: 2,
    manifests: [await layout.addJson(INDEX, { schemaVersion: 2, manifests: [layout.entry] })],
  });
  await importReference(parseReference(layout.reference));
});

test("a manifest that names itself", async () => {
  // It cannot tell its own digest: whoever writes one there lies about the content.
  for (const document of [
    (self: object) => ({ schemaVersion: 2, manifests: [self] }),
    (self: object) => ({ schemaVersion: 2, config: self, layers: [] }),
    (self: object, config: object) => ({ schemaVersion: 2, config, layers: [self] }),
  ]) {
    await indexFails(
      async (layout, entry) => {
        const self = { ...entry, digest: `sha256:${HEX}`, size: 999 };
        const config = await layout.addJson("application/vnd.oci.image.config.v1+json", {});
        const text = JSON.stringify(document(self, config)).padEnd(999);
        await writeFile(join(layout.folder, "blobs/sha256", HEX), text);
        return { schemaVersion: 2, manifests: [self] };
      },
      "DIGEST_MISMATCH",
      /is not what its digest says/,
    );
  }
});

test("an index without our platform names those it has", async () => {
  const platforms = [
    { os: "linux", architecture: "s390x" },
    { os: "windows", architecture: "amd64" },
    { os: "unknown", architecture: "unknown" },
  ];
  await indexFails(
    async (_, entry) => ({ schemaVersion: 2, manifests: platforms.map((platform) => ({ ...entry, platform })) }),
    "PLATFORM_MISSING",
    /linux\/s390x, windows\/amd64$/,
  );
});

test("an image for another platform, with no index to say so", async () => {
  await fails([layer], { config: { architecture: "s390x" } }, "PLATFORM_MISSING", /built for linux\/s390x/);
  await fails([layer], { config: { os: "windows" } }, "PLATFORM_MISSING", /built for windows/);
});

test("a layout that is none", async () => {
  const broken: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    ["no oci-layout", (folder) => rm(join(folder, "oci-layout")), /has no oci-layout/],
    ["no index", (folder) => rm(join(folder, "index.json")), /has no index\.json/],
    ["no blobs", (folder) => rm(join(folder, "blobs"), { recursive: true }), /missing|has no blobs/],
    [
      "an index that is a link",
      async (folder) => {
        await rename(join(folder, "index.json"), join(folder, "real.json"));
        await symlink("real.json", join(folder, "index.json"));
      },
      /link/,
    ],
    [
      "blobs that are a link",
      async (folder) => {
        await rename(join(folder, "blobs", "sha256"), join(folder, "elsewhere"));
        await symlink("../elsewhere", join(folder, "blobs", "sha256"));
      },
      /link/,
    ],
    [
      "an oci-layout that is a folder",
      async (folder) => {
        await rm(join(folder, "oci-layout"));
        await mkdir(join(folder, "oci-layout"));
      },
      /no file/,
    ],
  ];
  for (const [what, damage, says] of broken) {
    await using layout = await TestLayout.make([layer]);
    await damage(layout.folder);
    await expectCode(importReference(parseReference(layout.reference)), "ARCHIVE_INVALID", says).catch(
      (error: unknown) => {
        throw new Error(what, { cause: error });
      },
    );
  }
  await expectCode(importReference(parseReference("oci:/does/not/exist")), "ARCHIVE_INVALID");
});

test("a version of the layout from the future", async () => {
  await using layout = await TestLayout.make([layer]);
  await writeFile(join(layout.folder, "oci-layout"), `{"imageLayoutVersion":"2.0.0"}`);
  await expectCode(importReference(parseReference(layout.reference)), "MANIFEST_INVALID", /oci-layout/);
});

test("a blob that is a link leads nowhere, one that is a hard link is fine", async () => {
  await using layout = await TestLayout.make([layer]);
  const blob = join(layout.folder, "blobs", "sha256", sha256(layer).slice(7));
  await rename(blob, join(layout.folder, "aside"));
  await symlink("../../aside", blob);
  await expectCode(importReference(parseReference(layout.reference)), "ARCHIVE_INVALID", /link/);
  await rm(blob);
  await link(join(layout.folder, "aside"), blob);
  await importReference(parseReference(layout.reference));
});

test("several images in a layout: one must be named", async () => {
  await indexFails(
    async (layout, entry) => {
      const other = await layout.addJson(MANIFEST, { schemaVersion: 2 });
      return { schemaVersion: 2, manifests: [entry, other] };
    },
    "REFERENCE_INVALID",
    /several images/,
  );
  await using layout = await TestLayout.make([layer]);
  // One image that is named twice is no choice.
  await layout.writeIndex({ schemaVersion: 2, manifests: [layout.entry, { ...layout.entry, annotations: {} }] });
  await importReference(parseReference(layout.reference));
  await expectCode(
    importReference(parseReference(`${layout.reference}:other`)),
    "MANIFEST_NOT_FOUND",
    /no image called other/,
  );
});
