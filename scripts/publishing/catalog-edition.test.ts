import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelCatalogSchema, type CatalogKernel } from "../../src/model/kernel-catalog.ts";
import { nextEdition, supportOf, upstreamVersion } from "./catalog-edition.ts";

const supports = { vmm: ["qemu"], microvm: true, features: [] };
const kernel = (name: string, version: string, arch = "amd64"): CatalogKernel => ({ name, version, arch, supports });
const day = (text: string): Date => new Date(`${text}T12:00:00Z`);

test("an edition has the new kernel in place of the old one, and the others as they were", () => {
  const first = nextEdition(undefined, kernel("b", "1"), day("2026-11-24"));
  assert.equal(first.serial, 2026112400);
  const second = nextEdition(first, kernel("a", "1"), day("2026-11-24"));
  const third = nextEdition(second, kernel("b", "2"), day("2026-11-24"));
  const fourth = nextEdition(third, kernel("b", "2", "arm64"), day("2026-11-25"));
  assert.deepEqual([second.serial, third.serial, fourth.serial], [2026112401, 2026112402, 2026112500]);
  assert.deepEqual(
    fourth.kernels.map(({ name, version, arch }) => `${name} ${version} ${arch}`),
    ["a 1 amd64", "b 2 amd64", "b 2 arm64"],
  );
  assert.deepEqual(kernelCatalogSchema.parse(fourth), fourth);
});

test("a serial never goes back, whatever the clock says", () => {
  const future = nextEdition(undefined, kernel("a", "1"), day("2031-01-01"));
  assert.equal(nextEdition(future, kernel("a", "2"), day("2026-11-24")).serial, future.serial + 1);
});

test("what a kernel supports is what banger found in it", () => {
  const abilities = {
    pvh: true,
    virtioMmioCmdline: true,
    features: { virtioMmio: "builtin", ipPnp: "absent" },
  } as const;
  assert.deepEqual(supportOf({ abilities, files: { image: { path: "image", format: "elf" } } }), {
    vmm: ["firecracker", "qemu"],
    microvm: true,
    features: ["virtioMmio"],
  });
  const packed = supportOf({ abilities, files: { image: { path: "image", format: "bzImage" } } });
  assert.deepEqual([packed.vmm, packed.microvm], [["qemu"], false]);
});

test("a release's version is upstream's", () => {
  assert.equal(upstreamVersion("6.12.117-generic"), "6.12.117");
  assert.equal(upstreamVersion("6.1.0-52-cloud-amd64"), "6.1.0");
});
