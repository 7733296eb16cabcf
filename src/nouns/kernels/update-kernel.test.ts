import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kernel } from "../../model/kernel.ts";
import { isUpdatable, KernelIsCurrent, refuseCurrent } from "./update-kernel.ts";

const debian = {
  kind: "debian",
  mirror: "m",
  suite: "bookworm",
  package: "p",
  version: "6.1.90-1",
  sha256: "a",
} as const;
const kernel = (source: Kernel["source"], owner?: string): Kernel => ({
  id: "krn-0123456789abcdef",
  name: "k",
  createdAt: "2026-01-02T03:04:05Z",
  arch: "amd64",
  release: "6.1.90",
  source,
  files: { image: { path: "image", format: "elf" } },
  abilities: { pvh: true, virtioMmioCmdline: true },
  sizeBytes: 0,
  ...(owner !== undefined && { owner }),
});

test("only what is newer than Debian's kernel that is here updates it: a mirror may lag behind", () => {
  const here = kernel(debian);
  for (const [version, sha256] of [
    ["6.1.90-1", "a"],
    ["6.1.9-1", "b"],
    ["6.1.90-1~bpo11+1", "b"],
  ] as const) {
    assert.throws(() => refuseCurrent(here, { version, sha256 }), KernelIsCurrent, version);
  }
  refuseCurrent(here, { version: "6.1.100-1", sha256: "b" });
  refuseCurrent(undefined, { version: "6.1.9-1", sha256: "b" });
});

test("a kernel is updated from where it came from", () => {
  assert.ok(isUpdatable(kernel(debian), "debian-cloud"));
  assert.ok(!isUpdatable(kernel(debian), "generic-6.12"));
  assert.ok(!isUpdatable(kernel(debian, "img-0123456789abcdef"), "debian-cloud"));
  assert.ok(!isUpdatable(kernel({ kind: "import", vmlinux: "/x" }), "debian-cloud"));
});
