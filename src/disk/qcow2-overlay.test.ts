import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bytes, gib, mib } from "../lib/bytes.ts";
import { qcow2Overlay } from "./qcow2-overlay.ts";

/** QEMU's own check of an image; throws when it finds anything wrong. */
function judge(path: string): void {
  execFileSync("qemu-img", ["check", "-q", "-f", "qcow2", path], { stdio: "pipe" });
}

for (const size of [mib(1), gib(8), gib(9000)]) {
  test(`qemu-img finds nothing wrong with an overlay of ${size} bytes`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "overlay,-"));
    try {
      const base = join(folder, "base.raw");
      await writeFile(base, "what the image says");
      await truncate(base, mib(1));
      const overlay = join(folder, "overlay.qcow2");
      await writeFile(overlay, qcow2Overlay(base, size));
      judge(overlay);
      const info = JSON.parse(execFileSync("qemu-img", ["info", "--output=json", overlay], { encoding: "utf8" }));
      assert.equal(info["virtual-size"], size);
      assert.equal(info["backing-filename"], base);
      assert.equal(info["backing-filename-format"], "raw");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("the judge rejects an overlay with a count that is wrong", async () => {
  const folder = await mkdtemp(join(tmpdir(), "overlay-"));
  try {
    const base = join(folder, "base.raw");
    await writeFile(base, Buffer.alloc(4096));
    const image = qcow2Overlay(base, mib(1));
    image.writeUInt16BE(0, 2 * 64 * 1024);
    const overlay = join(folder, "overlay.qcow2");
    await writeFile(overlay, image);
    assert.throws(() => judge(overlay));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("refuses what the format has no room for", () => {
  assert.throws(() => qcow2Overlay(`/${"x".repeat(1023)}`, mib(1)), { code: "PATH_TOO_LONG" });
  assert.throws(() => qcow2Overlay("/base", bytes(2 ** 49)), { code: "VM_SPEC_INVALID" });
});
