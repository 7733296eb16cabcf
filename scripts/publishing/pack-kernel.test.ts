import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { array, assert as check, asyncProperty, integer, uint8Array } from "fast-check";
import { run } from "../../src/lib/process.ts";
import { inPieces, packKernel } from "./pack-kernel.ts";

test("pieces hold the same bytes and have one length, however the input was cut", async () => {
  await check(
    asyncProperty(
      array(uint8Array({ maxLength: 20 }), { maxLength: 20 }),
      integer({ min: 1, max: 30 }),
      async (chunks, length) => {
        async function* stream(): AsyncGenerator<Buffer> {
          for (const chunk of chunks) yield Buffer.from(chunk);
        }
        const pieces: Buffer[] = [];
        for await (const piece of inPieces(stream(), length)) pieces.push(piece);
        assert.deepEqual(Buffer.concat(pieces), Buffer.concat(chunks));
        assert.ok(pieces.slice(0, -1).every((piece) => piece.length === length));
        assert.ok(pieces.every((piece) => piece.length > 0 && piece.length <= length));
      },
    ),
  );
});

test("the same files make the same archive, whenever they were written, and hold what a kernel needs", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "pack-"));
  const packed: string[] = [];
  for (const name of ["one", "two"]) {
    const folder = join(dir.path, name);
    await mkdir(join(folder, "modules/kernel"), { recursive: true });
    for (const file of ["vmlinux", "config", "modules/kernel/a.ko"]) await writeFile(join(folder, file), file);
    await utimes(join(folder, "config"), 1000 + packed.length, 1000 + packed.length);
    const parts = { folder, image: "vmlinux", others: ["config", "modules"] };
    packed.push((await packKernel(parts, join(dir.path, `${name}.tar.zst`))).sha256);
  }
  assert.equal(packed[0], packed[1]);
  const { stdout } = await run("tar", ["--zstd", "-tf", join(dir.path, "one.tar.zst")]);
  assert.deepEqual(stdout.trim().split("\n"), [
    "image",
    "config",
    "modules/",
    "modules/kernel/",
    "modules/kernel/a.ko",
  ]);
});

test("a file that is not there is a failure", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "pack-"));
  const parts = { folder: dir.path, image: "vmlinux", others: [] };
  await assert.rejects(packKernel(parts, join(dir.path, "a.tar.zst")), /tar ended with 2/);
});
