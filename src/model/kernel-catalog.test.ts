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
