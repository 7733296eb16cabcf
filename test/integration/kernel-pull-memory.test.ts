import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempDisposable, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { buildBzImage, buildKernel } from "../helpers/elf-builder.ts";
import { ROOT } from "../helpers/test-host.ts";
import { TestMirror } from "../helpers/test-mirror.ts";

const MIB = 1024 ** 2;
/** As large as Debian's, unpacked and packed. */
const VMLINUX_BYTES = 56 * MIB;
const PACKAGE_BYTES = 24 * MIB;
/** Some 8 in fact; the kernel alone is more. */
const MOST_GROWTH_MB = 35;

const skip = spawnSync("dpkg-deb", ["--version"]).status === 0 ? false : "no dpkg-deb here to make packages";

test("a large kernel takes hardly more memory than a small one", { skip }, async (t) => {
  await using mirror = await TestMirror.start();
  await using dir = await mkdtempDisposable(join(tmpdir(), "banger-pull-memory-"));
  await mirror.publish({ suite: "small", version: "6.1.5-1" });
  const kernel = buildKernel("6.1.6-cloud-amd64", { text: "x".repeat(VMLINUX_BYTES) });
  const image = buildBzImage(gzipSync(kernel, { level: 1 }), "6.1.6-cloud-amd64");
  await mirror.publish({ suite: "large", version: "6.1.6-1", image, ballast: randomBytes(PACKAGE_BYTES) });

  // As the daemon's launcher has it.
  const options = ["--optimize-for-size", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning"];
  const pull = join(ROOT, "test/helpers/pull-and-measure.ts");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...options, pull, mirror.url, mirror.keyring, dir.path, "small", "large"],
    { env: { ...process.env, MALLOC_ARENA_MAX: "1" } },
  );
  const [small = Number.NaN, large = Number.NaN] = stdout.trim().split("\n").map(Number);
  assert.equal((await stat(join(dir.path, "large/vmlinux"))).size, kernel.length);
  t.diagnostic(`${small.toFixed(0)} MB with the small one, ${large.toFixed(0)} MB with the large one`);
  assert.ok(large - small < MOST_GROWTH_MB, `it took ${(large - small).toFixed(0)} MB more`);
});
