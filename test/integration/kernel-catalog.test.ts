import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import type { ErrorCode } from "../../src/lib/error-codes.ts";
import { noProgress, type ProgressEvent } from "../../src/lib/progress.ts";
import { configSchema } from "../../src/model/config.ts";
import { imageSchema } from "../../src/model/image.ts";
import type { Kernel } from "../../src/model/kernel.ts";
import { layoutFrom, type Layout } from "../../src/model/layout.ts";
import { onNewerKernel } from "../../src/nouns/images/kernel/newer-kernel.ts";
import { kernelVerbs, type KernelVerbs } from "../../src/nouns/kernels/kernel-verbs.ts";
import { openStore, type Store } from "../../src/nouns/store.ts";
import { buildKernel } from "../helpers/elf-builder.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { MinisignTestKey } from "../helpers/minisign-key.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { TestAuthority } from "../helpers/test-authority.ts";
import { ARCHIVE_NAME, kernelArchive, TestCatalog } from "../helpers/test-catalog.ts";
import { zstdCompressSync } from "node:zlib";
import { putRow } from "../../src/core/testing/put-row.ts";

const ROOT = join(import.meta.dirname, "../..");
const retry = { attempts: 3, firstPauseMs: 1, maxPauseMs: 1 };
/** Archives that do not pack well, so that a break in the middle is one. */
const large = kernelArchive(buildKernel(`6.12.7-test`, { pvh: true, text: randomBytes(600_000).toString("hex") }));

let authority: TestAuthority;
let catalog: TestCatalog;
let home: string;
let layout: Layout;
let store: Store;
before(async () => {
  authority = await TestAuthority.make();
});
after(() => authority[Symbol.asyncDispose]());
beforeEach(async () => {
  catalog = await TestCatalog.start(authority);
  home = await mkdtemp(join(tmpdir(), "banger-catalog-"));
  layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  store = openStore(":memory:");
});
afterEach(async () => {
  store[Symbol.dispose]();
  await catalog[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

interface Setting {
  readonly catalogs?: readonly { readonly url: string; readonly key: string }[];
  readonly trusting?: boolean;
  readonly attempts?: number;
  readonly registries?: object;
}

async function kernelsOf(setting: Setting = {}): Promise<KernelVerbs> {
  const { catalogs = [{ url: catalog.url, key: catalog.key.publicKey }], trusting = true, attempts = 3 } = setting;
  const { registries = {} } = setting;
  const config = configSchema.parse({ kernel_catalogs: catalogs, registries });
  const recipes = { builtInCatalog: join(ROOT, "kernel/catalog.json"), makeGenericKernel: "/nonexistent" };
  const certificatesFolder = trusting ? await authority.trustedFor(catalog.host) : join(home, "none");
  const registry = { env: {}, dockerConfigFolder: home, certificatesFolder, retry: { ...retry, attempts } };
  return kernelVerbs({ layout, config, store, agentPath: "/nonexistent", recipes, registry });
}

const operation = (signal = new AbortController().signal) => ({ signal, progress: noProgress });

async function pull(setting: Setting = {}, source = "k"): Promise<Awaited<ReturnType<KernelVerbs["pull"]>>> {
  return (await kernelsOf(setting)).pull({ source, build: false }, operation());
}

/** A pull that fails with this code keeps no row, no file of a kernel, and no archive. */
async function refuses(code: ErrorCode, says: RegExp, setting: Setting = {}): Promise<void> {
  await expectCode(pull(setting), code, says);
  assert.deepEqual(store.kernels.list(), []);
  assert.deepEqual(store.intents.open(), []);
  for (const folder of [layout.kernelsDir, layout.workDir]) {
    assert.deepEqual(await readdir(folder).catch(() => []), [], folder);
  }
  const cached = await readdir(join(layout.cacheDir, "kernel-archives", "sha256")).catch(() => []);
  assert.deepEqual(cached, []);
}

test("a kernel comes from a catalog over https, and says where it is from", async () => {
  const kernel = await pull();
  assert.equal(kernel.release, "6.12.7-test");
  assert.equal(kernel.name, "k");
  const { source } = kernel;
  assert.ok(source.kind === "catalog");
  assert.deepEqual([source.catalog, source.serial, source.url], [catalog.url, 1, ARCHIVE_NAME]);
  const image = await readFile(join(layout.kernelsDir, kernel.id, kernel.files.image.path));
  assert.deepEqual(image, buildKernel("6.12.7-test", { pvh: true }));
  const views = await (await kernelsOf()).catalogs(new AbortController().signal);
  assert.deepEqual(
    views.map(({ url, kernels }) => [url, kernels.map(({ name, here, buildable }) => [name, here, buildable])]),
    [
      ["built-in", [["generic-6.12", [], true]]],
      [catalog.url, [["k", ["k"], false]]],
    ],
  );
});

test("a kernel that is pulled again is updated; what booted the one before goes on with it", async () => {
  const first = await pull();
  const image = imageSchema.parse({
    id: "img-0123456789abcdef",
    name: "mine",
    createdAt: "2026-01-02T03:04:05Z",
    origin: "register",
    managed: false,
    platform: { os: "linux", architecture: "amd64" },
    size: 0,
    rootfs: { path: "/rootfs", sizeBytes: 0, usedBytes: 0, uuid: "u" },
    files: [],
    kernel: "k",
    config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
    layers: [],
    system: { init: "none" },
  });
  store.images.insert(image);
  const events: ProgressEvent[] = [];
  const again = async (): Promise<Kernel> =>
    (await kernelsOf()).pull(
      { source: "k", build: false },
      { ...operation(), progress: (event) => events.push(event) },
    );
  const requests = (): number => catalog.requests.filter(({ path }) => path === ARCHIVE_NAME).length;

  const fetched = requests();
  assert.deepEqual(await again(), first, "the same version");
  assert.equal(requests(), fetched, "is not fetched again");
  assert.equal(events.at(-1)?.note, "6.12.7 is current");

  catalog.publish(2, kernelArchive(buildKernel("6.12.8-test", { pvh: true })), { version: "6.12.8" });
  const second = await again();
  assert.deepEqual([second.name, second.release], ["k", "6.12.8-test"]);
  assert.deepEqual(store.kernels.get(first.id), { ...first, name: "k-6.12.7", formerName: "k" });
  assert.equal(store.images.get("mine").kernel, "k-6.12.7");
  await readFile(join(layout.kernelsDir, first.id, first.files.image.path));
  await expectCode((await kernelsOf()).delete("k-6.12.7"), "KERNEL_IN_USE", /image mine boots with it/);

  assert.equal(onNewerKernel(store, store.images.get("mine"), operation()).kernel, "k");
  assert.equal(store.images.get("mine").kernel, "k");
  await (await kernelsOf()).delete("k-6.12.7");

  catalog.publish(3, kernelArchive(buildKernel("6.12.9-test", { pvh: true })), { version: "6.12.9" });
  store.images.delete(image.id);
  const third = await again();
  assert.deepEqual(store.kernels.list(), [third], "one that nothing boots goes with its update");
  assert.deepEqual(await readdir(layout.kernelsDir), [third.id]);
  assert.deepEqual(store.intents.open(), []);
});

test("a kernel that came from elsewhere, or belongs to an image, is no earlier version", async () => {
  const first = await pull();
  putRow(store, "kernels", { ...first, owner: "img-0123456789abcdef" });
  await expectCode(pull(), "NAME_TAKEN", /k already/);
  putRow(store, "kernels", { ...first, source: { kind: "import", vmlinux: "/x" } });
  await expectCode(pull(), "NAME_TAKEN", /k already/);
});

test("a byte changed in the archive, and an archive of another length, are refused", async () => {
  catalog.tamper(ARCHIVE_NAME);
  await refuses("DIGEST_MISMATCH", /not what its digest says/);
  const good = kernelArchive();
  catalog.files.set(ARCHIVE_NAME, Buffer.concat([good, Buffer.from("x")]));
  await refuses("SIZE_MISMATCH", /more than/);
  catalog.files.set(ARCHIVE_NAME, good.subarray(0, -1));
  await refuses("SIZE_MISMATCH", /bytes came/);
});

test("a body that never ends is left as soon as it is too long", async () => {
  const endless = { bytes: 0 };
  catalog.answers.set(ARCHIVE_NAME, (_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) endless.bytes += chunk.length;
    };
    response.on("drain", more);
    more();
  });
  await refuses("SIZE_MISMATCH", /more than/);
  assert.ok(endless.bytes < 64 * 1024 ** 2, `it sent ${endless.bytes} bytes`);
  const answer = catalog.answers.get(ARCHIVE_NAME);
  assert.ok(answer !== undefined);
  catalog.answers.set("catalog.json", answer);
  await refuses("REGISTRY_FAILED", /catalog is too large/);
});

test("an archive that its catalog's key did not sign is refused, before it is fetched where that can be seen", async () => {
  const archive = kernelArchive();
  const entry = catalog.entry(archive);
  const other = new MinisignTestKey();
  catalog.publish(2, archive, { archive: { ...entry.archive, signature: other.sign(archive) } });
  await refuses("KERNEL_UNTRUSTED", /was signed with the key/);
  assert.equal(
    catalog.requests.some(({ path }) => path === ARCHIVE_NAME),
    false,
  );
  const elsewhere = catalog.key.sign(Buffer.from("something else"));
  catalog.publish(3, archive, { archive: { ...entry.archive, signature: elsewhere } });
  await refuses("KERNEL_UNTRUSTED", /not of this content/);
  catalog.publish(4, archive, { archive: { ...entry.archive, signature: "none" } });
  await refuses("KERNEL_UNTRUSTED", /no signature of minisign/);
});

test("a catalog that was changed, that another key signed, or that nobody signed is refused", async () => {
  const good = catalog.files.get("catalog.json") ?? Buffer.alloc(0);
  catalog.files.set("catalog.json", Buffer.from(good.toString().replace("6.12.7", "6.12.8")));
  await refuses("CATALOG_UNTRUSTED", /not of this content/);
  catalog.put(JSON.parse(good.toString()), new MinisignTestKey());
  await refuses("CATALOG_UNTRUSTED", /was signed with the key/);
  catalog.files.set("catalog.json.minisig", Buffer.from("untrusted comment: x\n"));
  await refuses("CATALOG_UNTRUSTED", /no signature of minisign/);
  catalog.files.delete("catalog.json.minisig");
  await refuses("REGISTRY_FAILED", /404/);
  assert.equal(store.seenCatalogs.find(catalog.url, catalog.key.publicKey), undefined);
});

test("what is no catalog is refused although it is signed", async () => {
  const good = catalog.publish(1);
  for (const [value, says] of [
    [{ ...good, version: 2 }, /newer format/],
    [{ ...good, serial: -1 }, /serial/],
    [{ ...good, kernels: [...good.kernels, ...good.kernels] }, /stands there twice/],
    [[], /expected object/],
  ] as const) {
    catalog.put(value);
    await refuses("CATALOG_INVALID", says);
  }
  const other = catalog.entry(kernelArchive(), ["../../etc/passwd"]);
  catalog.put({ ...good, kernels: [other] });
  await refuses("CATALOG_INVALID", /must be an https:\/\/ or oci:\/\/ URL/);
});

test("a catalog never goes back, also after the state was closed and opened", async () => {
  store[Symbol.dispose]();
  const database = join(home, "banger.db");
  store = openStore(database);
  catalog.publish(5);
  await pull();
  store.kernels.delete(store.kernels.get("k").id);
  await rm(layout.kernelsDir, { recursive: true });
  await rm(layout.cacheDir, { recursive: true });

  store[Symbol.dispose]();
  store = openStore(database);
  catalog.publish(4);
  await refuses("CATALOG_DOWNGRADED", /edition 4, and edition 5 was seen/);
  catalog.publish(5, kernelArchive(buildKernel("6.12.6-test", { pvh: true })));
  await refuses("CATALOG_DOWNGRADED", /with another content/);
  catalog.publish(6);
  assert.equal((await pull()).source.kind, "catalog");
});

test("https is not left, a redirect to files is none, and one to another path is followed", async () => {
  const redirect = (location: string): void =>
    void catalog.answers.set(ARCHIVE_NAME, (_request, response) => response.writeHead(302, { location }).end());
  redirect(`http://${catalog.host}/elsewhere`);
  await refuses("REGISTRY_FAILED", /may not leave https/);
  redirect("file:///etc/passwd");
  await refuses("REGISTRY_FAILED", /http and https only/);
  redirect("https://169.254.169.254/latest");
  await refuses("REGISTRY_FAILED", /link-local/);
  redirect(`/${ARCHIVE_NAME}`);
  await refuses("REGISTRY_FAILED", /redirects more than/);
  redirect("/elsewhere");
  catalog.files.set("elsewhere", kernelArchive());
  assert.equal((await pull()).name, "k");
});

test("a server that nobody vouches for is not believed, and plain http is not spoken to strangers", async () => {
  await refuses("REGISTRY_UNREACHABLE", /certificate of .* is not trusted/, { trusting: false });
  const registries = { [catalog.host]: { ca_file: authority.certificate } };
  assert.equal((await pull({ trusting: false, registries })).name, "k");
  store.kernels.delete(store.kernels.get("k").id);
  for (const folder of [layout.kernelsDir, layout.cacheDir]) await rm(folder, { recursive: true });
  const key = catalog.key.publicKey;
  await refuses("CONFIG_INVALID", /is not https/, { catalogs: [{ url: "http://192.0.2.1/catalog.json", key }] });
  await refuses("CONFIG_INVALID", /no public key/, { catalogs: [{ url: catalog.url, key: "RWQ" }] });
});

test("a line that breaks is taken up where it broke, in the same pull and in the next one", async () => {
  catalog.publish(2, large);
  const broken: number[] = [];
  const breakAt = (bytes: number): void =>
    void catalog.answers.set(ARCHIVE_NAME, (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      broken.push(from);
      const range = { "content-range": `bytes ${from}-${large.length - 1}/${large.length}` };
      response.writeHead(from === 0 ? 200 : 206, { "content-length": large.length - from, ...(from > 0 && range) });
      response.write(large.subarray(from, from + bytes), () => response.destroy());
    });
  breakAt(200_000);
  await expectCode(pull({ attempts: 1 }), "REGISTRY_UNREACHABLE");
  assert.deepEqual(store.kernels.list(), []);
  await expectCode(pull({ attempts: 2 }), "REGISTRY_UNREACHABLE");
  assert.deepEqual(broken, [0, 200_000, 400_000]);

  catalog.answers.clear();
  catalog.requests.length = 0;
  assert.equal((await pull()).release, "6.12.7-test");
  const ranges = catalog.requests.filter(({ path }) => path === ARCHIVE_NAME).map(({ range }) => range);
  assert.deepEqual(ranges, ["bytes=600000-"]);
});

test("what an earlier pull left half-done and somebody changed is not believed", async () => {
  catalog.publish(2, large);
  const broken = Buffer.from(large);
  broken[1000] = (broken[1000] ?? 0) ^ 1;
  catalog.answers.set(ARCHIVE_NAME, (_request, response) => {
    response.writeHead(200, { "content-length": large.length });
    response.write(broken.subarray(0, 300_000), () => response.destroy());
  });
  await expectCode(pull({ attempts: 1 }), "REGISTRY_UNREACHABLE");
  catalog.answers.clear();
  await refuses("DIGEST_MISMATCH", /not what its digest says/);
  assert.equal((await pull()).name, "k");
});

test("an operation that is cancelled leaves nothing that counts", async () => {
  const cancel = new AbortController();
  catalog.publish(2, large);
  catalog.answers.set(ARCHIVE_NAME, (_request, response) => {
    response.writeHead(200, { "content-length": large.length });
    response.write(large.subarray(0, 300_000), () => cancel.abort());
  });
  const pulling = (await kernelsOf()).pull({ source: "k", build: false }, operation(cancel.signal));
  await assert.rejects(pulling, { name: "AbortError" });
  assert.deepEqual([store.kernels.list(), await readdir(layout.workDir)], [[], []]);
});

test("another place is tried where the first fails, and another catalog where one does not answer", async () => {
  const archive = kernelArchive();
  const urls = ["gone.tar.zst", `https://${catalog.host}/damaged`, ARCHIVE_NAME];
  catalog.publish(2, archive, catalog.entry(archive, urls));
  catalog.files.set("damaged", Buffer.concat([archive.subarray(0, -1), Buffer.from("x")]));
  const dead = { url: "https://127.0.0.1:1/catalog.json", key: catalog.key.publicKey };
  const live = { url: catalog.url, key: catalog.key.publicKey };
  const kernel = await pull({ catalogs: [dead, live] });
  assert.equal(kernel.source.kind === "catalog" && kernel.source.url, ARCHIVE_NAME);
  const views = await (await kernelsOf({ catalogs: [dead, live] })).catalogs(new AbortController().signal);
  assert.deepEqual(
    views.map(({ error }) => error?.code),
    [undefined, "REGISTRY_UNREACHABLE", undefined],
  );
});

test("an archive holds parts of a kernel of its architecture and nothing else, although it is signed", async () => {
  const tar = (build: (tar: TarBuilder) => TarBuilder): Buffer => zstdCompressSync(build(new TarBuilder()).end());
  const image = buildKernel("6.12.7-test", { pvh: true });
  for (const [archive, code, says] of [
    [tar((t) => t.file("image", image).file("../escaped", "x")), "ARCHIVE_INVALID", /no part of a kernel/],
    [tar((t) => t.file("image", image).file("modules/../../escaped", "x")), "ARCHIVE_INVALID", /leads out/],
    [tar((t) => t.file("config", "CONFIG_A=y\n")), "ARCHIVE_INVALID", /holds no image/],
    [tar((t) => t.file("image", image).file("image", image)), "ARCHIVE_INVALID", /in the way/],
    [tar((t) => t.file("image", "no kernel")), "KERNEL_INVALID", /./],
    [Buffer.from("no archive"), "ARCHIVE_INVALID", /zstd data is damaged/],
  ] as const) {
    catalog.publish((Date.now() % 1e9) + catalog.requests.length, archive);
    await expectCode(pull(), code, says);
    assert.deepEqual([store.kernels.list(), await readdir(layout.kernelsDir).catch(() => [])], [[], []]);
  }
});

test("what no catalog serves is said to be so, with what helps", async () => {
  const error = await expectCode(pull({ catalogs: [] }, "generic-6.12"), "KERNEL_NOT_SERVED", /no catalog serves/);
  assert.match(error.fix, /banger kernel pull --build generic-6\.12/);
  await expectCode(pull({}, "generic-6.12"), "KERNEL_NOT_SERVED", /nor do the 1 configured/);
  await expectCode(pull({}, "unheard-of"), "KERNEL_NOT_FOUND", /no catalog lists/);
  const build = (await kernelsOf()).build({ name: "unheard-of" }, operation());
  await expectCode(build, "KERNEL_NOT_FOUND", /does not know how to build/);
  catalog.publish(2, kernelArchive(), { arch: "arm64" });
  await expectCode(pull(), "KERNEL_NOT_FOUND", /for amd64/);
});
