import assert from "node:assert/strict";
import { test } from "node:test";
import type { OfferedPackage } from "./debian-index.ts";
import { resolveKernelPackage } from "./kernel-package.ts";

function offer(name: string, version: string, depends = "", suite = "bookworm"): OfferedPackage {
  const archive = {
    mirror: "http://m.example/debian",
    suite,
    keys: { kind: "files", paths: [] },
    assumed: false,
  } as const;
  return { archive, name, version, depends, filename: "pool/k.deb", sizeBytes: 1, sha256: "0".repeat(64) };
}

const META = "linux-image-cloud-amd64";
const OLD = [
  offer(META, "6.1.99-1", "linux-image-6.1.0-9-cloud-amd64 (= 6.1.99-1)"),
  offer("linux-image-6.1.0-9-cloud-amd64", "6.1.99-1"),
];
const NEW = [
  offer(META, "6.1.176-1", "linux-image-6.1.0-50-cloud-amd64 (= 6.1.176-1), other", "bookworm-security"),
  offer("linux-image-6.1.0-50-cloud-amd64", "6.1.175-1"),
  offer("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1", "", "bookworm-security"),
];

test("takes what the highest version of all archives depends on", () => {
  const chosen = resolveKernelPackage([...NEW, ...OLD], "amd64");
  assert.deepEqual(chosen, NEW[2]);
  assert.deepEqual(resolveKernelPackage([...OLD, ...NEW], "amd64"), chosen);
});

test("names what is missing", () => {
  assert.equal(resolveKernelPackage([], "amd64"), META);
  assert.equal(resolveKernelPackage(OLD, "arm64"), "linux-image-cloud-arm64");
  assert.equal(resolveKernelPackage(NEW.slice(0, 2), "amd64"), "linux-image-6.1.0-50-cloud-amd64");
});
