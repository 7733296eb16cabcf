import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRelease, parseRelease } from "./release-file.ts";

const HASH = "9e0b5aabb2465b3d2e7a7fe27f9913846277833f7a2826e7767acccff5b588c5";
const TEXT = `Origin: Debian
Label: Debian-Security
Suite: oldstable-security
Codename: bookworm-security
Date: Sat, 21 Nov 2026 00:53:02 UTC
Valid-Until: Sat, 28 Nov 2026 00:53:02 UTC
Acquire-By-Hash: yes
MD5Sum:
 b838d31986207780a596ce3e8010f90f  8790396 main/binary-amd64/Packages.xz
SHA256:
 ${HASH}  8790396 main/binary-amd64/Packages.xz
 not-a-hash 12 main/binary-amd64/Packages
`;
const untrusted = { code: "MIRROR_UNTRUSTED" };
const check = (text: string, suite: string, now: string): void =>
  checkRelease(parseRelease(text, "it"), suite, "it", new Date(now));

test("reads sizes and sha256, and no weaker hashes", () => {
  const release = parseRelease(TEXT, "it");
  assert.deepEqual([...release.files], [["main/binary-amd64/Packages.xz", { sha256: HASH, sizeBytes: 8790396 }]]);
  assert.equal(release.origin, "Debian");
  assert.equal(release.byHash, true);
});

test("accepts a suite by either of its names, while it is valid", () => {
  check(TEXT, "bookworm-security", "2026-11-23T00:00:00Z");
  check(TEXT, "oldstable-security", "2026-11-28T00:53:01Z");
  check(TEXT.replace(/Valid-Until.*\n/, ""), "bookworm-security", "2036-01-01T00:00:00Z");
});

test("refuses another suite, an expired one, and one from the future", () => {
  assert.throws(() => check(TEXT, "bookworm", "2026-11-23T00:00:00Z"), untrusted);
  assert.throws(() => check(TEXT, "bookworm-security", "2026-11-28T00:53:03Z"), untrusted);
  assert.throws(() => check(TEXT, "bookworm-security", "2026-11-19T00:00:00Z"), untrusted);
  assert.throws(
    () => check(TEXT.replace(/Valid-Until.*/, "Valid-Until: soon"), "bookworm-security", "2026-11-23"),
    untrusted,
  );
  assert.throws(() => parseRelease("Origin: Debian\n", "it"), untrusted);
});
