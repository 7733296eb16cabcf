import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { catalogJsonSchema, kernelCatalogSchema } from "./kernel-catalog.ts";

const FOLDER = join(import.meta.dirname, "../../kernel");
const archive = { urls: ["a.tar.zst"], sha256: "0".repeat(64), size: 1, signature: "s" };
const kernel = {
  name: "k",
  version: "1",
  arch: "amd64",
  supports: { vmm: ["qemu"], microvm: true, features: [] },
};
const catalog = (...kernels: readonly object[]) => ({
  version: 1,
  serial: 1,
  issuedAt: "2026-01-01T00:00:00Z",
  kernels,
});

test("the published schema is the one that catalogs are held against (scripts/generate.sh writes it)", async () => {
  const published = JSON.parse(await readFile(join(FOLDER, "catalog.schema.json"), "utf8"));
  assert.deepEqual(published, catalogJsonSchema());
  const { issuedAt: _, ...lacking } = catalogJsonSchema()["properties"] as Record<string, unknown>;
  assert.notDeepEqual(published.properties, lacking);
});

test("the catalog that is shipped is one, and says how generic-6.12 is built", async () => {
  const shipped = kernelCatalogSchema.parse(JSON.parse(await readFile(join(FOLDER, "catalog.json"), "utf8")));
  const generic = shipped.kernels.find(({ name }) => name === "generic-6.12");
  assert.equal(generic?.recipe, "generic");
  const script = await readFile(join(FOLDER, "fetch-source.sh"), "utf8");
  assert.match(script, new RegExp(`^readonly VERSION=${generic?.version ?? ""}$`, "m"));
});

test("places are https, oci or below the catalog; nothing leads up, elsewhere or to this host's files", () => {
  const accepts = (url: string): boolean =>
    kernelCatalogSchema.safeParse(catalog({ ...kernel, archive: { ...archive, urls: [url] } })).success;
  for (const url of ["https://a.example/k.tar.zst", "oci://a.example:5000/b/c", "k.tar.zst", "old/k_1.0+b~1.tar.zst"]) {
    assert.equal(accepts(url), true, url);
  }
  for (const url of [
    "http://a.example/k",
    "file:///etc/shadow",
    "/etc/shadow",
    "../k",
    "a/../../k",
    "..",
    "//a/b",
    "",
  ]) {
    assert.equal(accepts(url), false, url);
  }
});

test("nothing that is shown can act on a terminal", () => {
  const accepts = (change: object): boolean =>
    kernelCatalogSchema.safeParse(catalog({ ...kernel, archive, ...change })).success;
  assert.equal(accepts({ version: "6.12.117+b1~rc2" }), true);
  const bell = String.fromCharCode(27) + "[2J";
  for (const change of [{ version: bell }, { arch: bell }, { name: bell }]) assert.equal(accepts(change), false);
  assert.equal(accepts({ archive: { ...archive, urls: [`https://a.example/${bell}`] } }), false);
  assert.equal(accepts({ supports: { ...kernel.supports, vmm: [bell] } }), false);
});

test("a name stands once for an architecture", () => {
  assert.equal(kernelCatalogSchema.safeParse(catalog(kernel, { ...kernel, arch: "arm64" })).success, true);
  assert.equal(kernelCatalogSchema.safeParse(catalog(kernel, kernel)).success, false);
});

test("all of a catalog is bounded", () => {
  const reads = (part: object, of: object = {}): boolean =>
    kernelCatalogSchema.safeParse({ ...catalog({ ...kernel, archive, ...part }), ...of }).success;
  const ofArchive = (part: object): object => ({ archive: { ...archive, ...part } });
  const supports = (part: object): object => ({ supports: { ...kernel.supports, ...part } });
  const words = (count: number): readonly string[] => Array<string>(count).fill("w");
  const good = [
    { version: "v".repeat(64) },
    { version: "1" },
    { recipe: "r".repeat(64) },
    supports({ vmm: words(20), features: words(100) }),
    ofArchive({ urls: words(16) }),
    ofArchive({ urls: [`https://${"a".repeat(2040)}`], sha256: "0123456789abcdef".repeat(4) }),
    ofArchive({ signature: "s".repeat(4096), size: Number.MAX_SAFE_INTEGER }),
  ];
  for (const part of good) assert.ok(reads(part), JSON.stringify(part).slice(0, 100));
  const bad = [
    ...["", ".a", "-a", "a/b", "a b", "é", "v".repeat(65)].map((version) => ({ version })),
    { recipe: "r".repeat(65) },
    supports({ vmm: words(21) }),
    supports({ features: words(101) }),
    ...[[], words(17), [`https://${"a".repeat(2041)}`], ["xoci://a"], ["oci://"], ["https://a b"]].map((urls) =>
      ofArchive({ urls }),
    ),
    ...["0", "0".repeat(63), "0".repeat(65), "g".repeat(64), "A".repeat(64)].map((sha256) => ofArchive({ sha256 })),
    ...[0, -1, 0.5].map((size) => ofArchive({ size })),
    ofArchive({ signature: "s".repeat(4097) }),
  ];
  for (const part of bad) assert.ok(!reads(part), JSON.stringify(part).slice(0, 100));
  assert.ok(reads({}, { serial: 0, $schema: "s".repeat(200) }));
  for (const other of [
    { serial: -1 },
    { serial: 1.5 },
    { version: 2 },
    { $schema: "s".repeat(201) },
    { issuedAt: "now" },
  ])
    assert.ok(!reads({}, other), JSON.stringify(other).slice(0, 100));
  const many = (count: number): readonly object[] =>
    Array.from({ length: count }, (_, n) => ({ ...kernel, name: `k${n}` }));
  assert.ok(reads({}, { kernels: many(1000) }));
  assert.ok(!reads({}, { kernels: many(1001) }));
});
