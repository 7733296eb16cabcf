import assert from "node:assert/strict";
import { test } from "node:test";
import type { Descriptor } from "./manifest.ts";
import { choosePlatform, formatPlatform, type Platform } from "./platform.ts";

const descriptor = (platform: Platform | undefined, size: number, annotations?: Record<string, string>): Descriptor =>
  ({ mediaType: "x", digest: "y", size, platform, annotations }) as unknown as Descriptor;
const linux = (architecture: string, variant?: string): Platform => ({ os: "linux", architecture, variant });
const choose = (wanted: Platform, ...offered: (Platform | undefined)[]): number =>
  choosePlatform(
    offered.map((platform, i) => descriptor(platform, i)),
    wanted,
  ).size;

test("the platform, and of several that fit the first", () => {
  assert.equal(choose(linux("amd64"), linux("arm64"), linux("amd64"), linux("amd64")), 1);
  assert.equal(choose(linux("amd64"), { os: "windows", architecture: "amd64" }, linux("amd64")), 1);
});

test("variants: the exact one, then one that says none; v8 goes without saying", () => {
  assert.equal(choose(linux("arm", "v7"), linux("arm", "v6"), linux("arm", "v7")), 1);
  assert.equal(choose(linux("arm", "v7"), linux("arm", "v6"), linux("arm")), 1);
  assert.equal(choose(linux("arm64", "v8"), linux("arm64")), 0);
  assert.equal(choose(linux("arm64"), linux("arm64", "v8")), 0);
  assert.throws(() => choose(linux("arm", "v7"), linux("arm", "v6")), { code: "PLATFORM_MISSING" });
  assert.throws(() => choose(linux("amd64"), linux("amd64", "v3")), { code: "PLATFORM_MISSING" });
});

test("an entry without a platform is taken when nothing else fits", () => {
  assert.equal(choose(linux("amd64"), undefined, linux("amd64")), 1);
  assert.equal(choose(linux("amd64"), linux("s390x"), undefined), 1);
});

test("attestations are no images", () => {
  const attestation = { "vnd.docker.reference.type": "attestation-manifest" };
  const manifests = [
    descriptor(linux("amd64"), 0, attestation),
    descriptor({ os: "unknown", architecture: "unknown" }, 1),
  ];
  assert.throws(() => choosePlatform(manifests, linux("amd64")), { code: "PLATFORM_MISSING" });
  assert.equal(formatPlatform(linux("arm", "v7")), "linux/arm/v7");
});
