import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { putRow } from "../../src/core/testing/put-row.ts";
import fc from "fast-check";
import { BangerError } from "../../src/lib/errors.ts";
import { noProgress, type OperationContext, type ProgressEvent } from "../../src/lib/progress.ts";
import { VERSION } from "../../src/lib/version.ts";
import { kernelFilePaths, type Artefact } from "../../src/model/artefact.ts";
import { configSchema } from "../../src/model/config.ts";
import type { Image } from "../../src/model/image.ts";
import { layoutFrom, type Layout } from "../../src/model/layout.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { exportArchive } from "../../src/oci/push/export-archive.ts";
import { BANGER_DISK_ZSTD, BANGER_KERNEL_ZSTD } from "../../src/oci/manifest/media-types.ts";
import { packLayer, type PackedLayer } from "../../src/oci/push/pack-layer.ts";
import { parseArtefact } from "../../src/oci/manifest/banger-artefact.ts";
import { composeArtefact } from "../../src/oci/push/packed-image.ts";
import type { OutgoingImage } from "../../src/oci/push/push-image.ts";
import type { ImageContext } from "../../src/nouns/images/image-context.ts";
import { pullImage } from "../../src/nouns/images/pull/pull-image.ts";
import { sendToArchive, sendToRegistry } from "../../src/nouns/images/pack/send-image.ts";
import { kernelVerbs } from "../../src/nouns/kernels/kernel-verbs.ts";
import { openStore, type Store } from "../../src/nouns/store.ts";
import type { ErrorCode } from "../../src/lib/error-codes.ts";
import { buildKernel } from "../helpers/elf-builder.ts";
import { expectCode } from "../helpers/expect-code.ts";

const operation = { signal: new AbortController().signal, progress: noProgress };
const DISK_BYTES = 3 * 2 ** 20;
let folder: string;
let layout: Layout;
let store: Store;
let context: ImageContext;
let disk: PackedLayer;
let otherDisk: PackedLayer;
let kernel: PackedLayer;

async function pack(name: string, files: Readonly<Record<string, string | Buffer>>, mediaType: string) {
  const from = join(folder, "in", name);
  await mkdir(from, { recursive: true });
  const packed = [];
  for (const [path, content] of Object.entries(files)) {
    await writeFile(join(from, path), content);
    const isSparse = mediaType === BANGER_DISK_ZSTD;
    if (isSparse) await truncate(join(from, path), DISK_BYTES);
    packed.push({ name: path, path: join(from, path), isSparse });
  }
  return packLayer(packed, join(folder, `${name}.layer`), { ...operation, mediaType, label: name });
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-artefact-"));
  layout = layoutFrom({ HOME: folder, XDG_RUNTIME_DIR: folder });
  for (const made of [layout.workDir, layout.stateDir]) await mkdir(made, { recursive: true });
  store = openStore(layout.database);
  const config = configSchema.parse({});
  const agentPath = "/does/not/exist";
  const kernels = kernelVerbs({ layout, config, store, agentPath } as unknown as Parameters<typeof kernelVerbs>[0]);
  context = { layout, config, store, kernels, blobs: new BlobStore(layout.blobsDir) } as unknown as ImageContext;
  disk = await pack("disk", { "root.img": "a disk" }, BANGER_DISK_ZSTD);
  otherDisk = await pack("other", { "other.img": "a disk" }, BANGER_DISK_ZSTD);
  kernel = await pack("kernel", { image: buildKernel("6.1.0-test") }, BANGER_KERNEL_ZSTD);
});

after(async () => {
  store[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

function good(): Artefact {
  return {
    version: 1,
    madeBy: VERSION,
    image: { name: "box", layers: [], history: [], system: { init: "none" } },
    disks: [{ id: "root", diffId: disk.diffId, sizeBytes: DISK_BYTES, usedBytes: 4096, uuid: "" }],
    kernel: {
      name: "their-kernel",
      diffId: kernel.diffId,
      arch: process.arch === "x64" ? "amd64" : "arm64",
      release: "6.1.0-test",
      source: "somewhere",
      files: { image: { path: "image", format: "elf" } },
      abilities: { pvh: true, virtioMmioCmdline: false },
      sizeBytes: 5 * 2 ** 20,
    },
  };
}

/** An archive of an artefact whose document says this; its digests all hold. */
async function archive(artefact: unknown, layers = [disk, kernel], edit = (manifest: object) => manifest) {
  const image = {
    createdAt: "2026-01-01T00:00:00.000Z",
    platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : "arm64" },
    config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
  } satisfies Pick<Image, "createdAt" | "platform" | "config">;
  const titled = { image: { name: "box" }, ...(artefact as object) } as Artefact;
  const outgoing = composeArtefact(image, titled, layers);
  const manifest = Buffer.from(JSON.stringify(edit(JSON.parse(Buffer.from(outgoing.manifest).toString()) as object)));
  const edited: OutgoingImage = { ...outgoing, manifest };
  const path = join(folder, "artefact.tar");
  await exportArchive(path, edited, "x", operation);
  return `oci-archive:${path}`;
}

async function refused(reference: string, code: ErrorCode, says?: RegExp): Promise<void> {
  await expectCode(
    pullImage(context, { reference, name: "box", insecure: false, allowHost: false }, operation),
    code,
    says,
  );
  assert.deepEqual([store.images.list(), store.kernels.list(), store.intents.open()], [[], [], []]);
  for (const left of [layout.workDir, layout.imagesDir, layout.kernelsDir]) {
    assert.deepEqual(await readdir(left).catch(() => []), [], `${code} left something in ${left}`);
  }
}

/** The good document, or one that is changed already, with another value at a place: `disks.0.id`. */
function changed(place: string, value: unknown, artefact: unknown = good()): unknown {
  const copy = structuredClone(artefact);
  const names = place.split(".");
  const last = names.pop() ?? "";
  let at = copy as Record<string, unknown>;
  for (const name of names) at = at[name] as Record<string, unknown>;
  at[last] = value;
  return copy;
}

test("documents that are none, or name what is not there, or lead out of their folder", async () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["no document", { version: 1 }, /banger\./],
    ["no version", changed("version", undefined), /version/],
    ["a version that is a word", changed("version", "1"), /version/],
    ["no disks", changed("disks", []), /disks/],
    ["the work disk alone", changed("disks.0.id", "work"), /root disk comes first/],
    ["a disk of no size", changed("disks.0.sizeBytes", 0), /sizeBytes/],
    ["a disk of 2^53 bytes", changed("disks.0.sizeBytes", 2 ** 53), /sizeBytes/],
    ["a disk with a path", changed("disks.0.uuid", "../../etc"), /uuid/],
    ["a disk in no layer", changed("disks.0.diffId", `sha256:${"0".repeat(64)}`), /layers are not/],
    ["a kernel in the disk's layer", changed("kernel.diffId", disk.diffId), /layers are not/],
    ["a kernel of no digest", changed("kernel.diffId", "sha256:x"), /diffId/],
    ["a kernel's name that is a path", changed("kernel.name", "../evil"), /kernel\.name/],
    ["a release that is a path", changed("kernel.release", "../../x"), /release/],
    ["an architecture that nobody has", changed("kernel.arch", "riscv64"), /arch/],
    ...[
      "../image",
      "/etc/passwd",
      "a/../../b",
      "",
      ".",
      "a//b",
      "a/./b",
      "a\nb",
      "a\u0000b",
      "~/x",
      "x".repeat(201),
    ].map(
      (path) =>
        [
          `a kernel at ${JSON.stringify(path.slice(0, 20))}`,
          changed("kernel.files.image.path", path),
          /files/,
        ] as const,
    ),
    ["modules elsewhere", changed("kernel.files.modules", "../modules"), /files/],
    ["boot modules elsewhere", changed("kernel.files.bootModules", { path: "../x", modules: [] }), /files/],
    ["odd boot modules", changed("kernel.files.bootModules", { path: "b", modules: ["../x"] }), /boot modules/],
    ["a service with a path", changed("image.services", [{ name: "../x", kind: "tcp", port: 1 }]), /services/],
    ["a reference of 2 KiB", changed("image.reference", "x".repeat(2048)), /reference/],
  ];
  for (const [what, artefact, says] of cases) {
    await refused(await archive(artefact), "ARTEFACT_INVALID", says).catch((error: unknown) => {
      throw new Error(what, { cause: error });
    });
  }
});

test("layers that are not what the document says of them", async () => {
  const otherName = changed("disks.0.diffId", otherDisk.diffId);
  await refused(await archive(otherName, [otherDisk, kernel]), "LAYER_INVALID", /other\.img.*does not belong/);
  await refused(await archive(changed("disks.0.sizeBytes", DISK_BYTES + 1)), "ARTEFACT_INVALID", /not the size/);
  await refused(await archive(changed("disks.0.sizeBytes", DISK_BYTES - 1)), "LAYER_TOO_LARGE", /more than/);
  const lacking = changed("kernel.files.initrd", "initrd");
  await refused(await archive(lacking), "ARTEFACT_INVALID", /holds no initrd/);
  const renamed = changed("kernel.files.image.path", "vmlinuz");
  await refused(await archive(renamed), "LAYER_INVALID", /image.*does not belong/);
  await refused(await archive(good(), [disk, kernel, otherDisk]), "ARTEFACT_INVALID", /layers are not/);
  await refused(await archive(good(), [disk]), "ARTEFACT_INVALID", /layers are not/);
  const foreign = process.arch === "x64" ? "arm64" : "amd64";
  await refused(await archive(changed("kernel.arch", foreign)), "ARTEFACT_INVALID", /kernel is for/);
});

test("artefacts and layers of a later banger, and of others", async () => {
  await refused(await archive(changed("version", 2)), "MEDIA_TYPE_UNSUPPORTED", /a later one may/);
  const type = (artifactType: string) => (manifest: object) => ({ ...manifest, artifactType });
  await refused(
    await archive(good(), undefined, type("application/vnd.banger.snapshot.v1")),
    "MEDIA_TYPE_UNSUPPORTED",
    /a later one may/,
  );
  await refused(
    await archive(good(), undefined, type("application/vnd.other")),
    "MEDIA_TYPE_UNSUPPORTED",
    /not a container/,
  );
  const odd = { ...disk, descriptor: { ...disk.descriptor, mediaType: "application/vnd.banger.memory.v1+zstd" } };
  await refused(await archive(good(), [odd, kernel]), "MEDIA_TYPE_UNSUPPORTED", /a later one may/);
  const plain = {
    ...disk,
    descriptor: { ...disk.descriptor, mediaType: "application/vnd.oci.image.layer.v1.tar+zstd" },
  };
  await refused(await archive(good(), [plain, kernel]), "MEDIA_TYPE_UNSUPPORTED");
});

test("layers whose digests lie", async () => {
  const swapped = { ...disk, diffId: kernel.diffId };
  const artefact = changed("disks.0.diffId", kernel.diffId, changed("kernel.diffId", disk.diffId));
  await refused(await archive(artefact, [swapped, { ...kernel, diffId: disk.diffId }]), "DIGEST_MISMATCH");
});

test("the good one is taken, also by a tool that lost its type; and twice is once", async () => {
  const forgetful = (manifest: object) => {
    const { artifactType: _, ...rest } = manifest as { artifactType: string };
    return rest;
  };
  for (const edit of [(manifest: object) => manifest, forgetful]) {
    const reference = await archive(good(), undefined, edit);
    const request = { reference, name: "box", insecure: false, allowHost: false };
    const image = await pullImage(context, request, operation);
    assert.equal((await pullImage(context, request, operation)).id, image.id);
    assert.equal(image.kernel, "their-kernel");
    const { source, owner } = store.kernels.get("their-kernel");
    assert.deepEqual([source.kind, owner], ["artefact", undefined]);
    assert.deepEqual(await readdir(join(layout.imagesDir, image.id)), ["rootfs.ext4"]);
    store.images.delete(image.id);
    await context.kernels.delete("their-kernel");
    await rm(join(layout.imagesDir, image.id), { recursive: true });
  }
});

test("an image of the user's own files is not sent out before it is promoted", async () => {
  const reference = await archive(good());
  const image = await pullImage(context, { reference, name: "box", insecure: false, allowHost: false }, operation);
  putRow(store, "images", { ...image, managed: false });
  const target = `oci-archive:${join(folder, "never.tar")}`;
  await expectCode(sendToArchive(context, { ref: "box", target }, operation), "IMAGE_UNMANAGED", /your|yours/);
  const push = { ref: "box", reference: "127.0.0.1:1/a:1", insecure: false };
  await expectCode(sendToRegistry(context, push, operation), "IMAGE_UNMANAGED");
  putRow(store, "images", image);
  await sendToArchive(context, { ref: "box", target }, operation);
  assert.deepEqual(await readdir(layout.workDir), []);
});

test("a push to where nobody answers, or that names no registry, ends before anything is packed", async () => {
  const reference = await archive(good());
  await pullImage(context, { reference, name: "unsent", insecure: false, allowHost: false }, operation);
  const told: string[] = [];
  const telling = { ...operation, progress: ({ id }: ProgressEvent) => void told.push(id) };
  const push = { ref: "unsent", insecure: false };
  await expectCode(sendToRegistry(context, { ...push, reference: "127.0.0.1:1/a:1" }, telling), "REGISTRY_UNREACHABLE");
  await expectCode(sendToRegistry(context, { ...push, reference: "bb" }, telling), "REFERENCE_INVALID", /library\/bb/);
  assert.deepEqual(new Set(told), new Set(["registry"]));
});

test("documents with any value at any place end in an artefact or a BangerError, and name nothing outside", () => {
  const layers = [disk, kernel].map(({ descriptor, diffId }) => ({ descriptor, diffId }));
  const places = placesIn(good());
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("../x", "/etc/passwd", "a/../b", "\u0000", -1, 2 ** 60, 1.5, [], {}, "__proto__", disk.diffId),
  );
  const change = fc.tuple(fc.constantFrom(...places), value);
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let document: unknown = good();
      for (const [place, to] of changes)
        document = placesIn(document).includes(place) ? changed(place, to, document) : document;
      try {
        const artefact = parseArtefact(Buffer.from(JSON.stringify({ banger: document })), layers);
        accepted += 1;
        for (const path of kernelFilePaths(artefact.kernel.files))
          assert.equal(join("/k", path), normalize(`/k/${path}`));
        for (const path of kernelFilePaths(artefact.kernel.files)) assert.ok(join("/k", path).startsWith("/k/"), path);
      } catch (error) {
        if (!(error instanceof BangerError)) throw error;
        assert.ok(["ARTEFACT_INVALID", "MEDIA_TYPE_UNSUPPORTED"].includes(error.code), error.code);
      }
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 500) },
  );
  assert.ok(accepted > 0, "nothing was accepted: the changes are too many");
});

/** Every place in a document, as {@link changed} takes it. */
function placesIn(document: unknown, below = ""): string[] {
  if (typeof document !== "object" || document === null) return [];
  return Object.entries(document).flatMap(([name, value]) => {
    const place = below === "" ? name : `${below}.${name}`;
    return [place, ...placesIn(value, place)];
  });
}

test("a kernel that is deleted while an image for it is pulled leaves no image without files", async () => {
  const reference = await archive(good());
  const pull = (name: string, progress: OperationContext["progress"]): Promise<Image> =>
    pullImage(context, { reference, name, insecure: false, allowHost: false }, { ...operation, progress });
  const first = await pull("first", noProgress);
  for (const { id } of store.images.list()) store.images.delete(id);
  await rm(layout.imagesDir, { recursive: true });
  const second = pull("second", ({ id, status }) => {
    // Nothing says yet that anybody needs it.
    if (id === "image" && status === "done") store.kernels.delete(store.kernels.get(first.kernel).id);
  });
  await assert.rejects(second, { code: "KERNEL_NOT_FOUND" });
  assert.deepEqual([store.images.list(), store.intents.open(), await readdir(layout.imagesDir)], [[], [], []]);
});
