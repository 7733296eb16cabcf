import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { constants, createZstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { pipeline } from "node:stream/promises";
import { createWriteStream } from "node:fs";
import * as fc from "fast-check";
import { checkCatalogSignature, parseCatalog, requireKey } from "../../src/kernel/catalog/catalog.ts";
import { unpackKernelArchive } from "../../src/kernel/catalog/kernel-archive.ts";
import { parsePublicKey, parseSignature } from "../../src/kernel/catalog/minisign.ts";
import { BangerError } from "../../src/lib/errors.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { MinisignTestKey } from "../helpers/minisign-key.ts";
import { kernelArchive } from "../helpers/test-catalog.ts";
import { fileHeader } from "../../src/formats/tar/tar-writer.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 300);
const operation = { signal: new AbortController().signal, progress: noProgress };
const source = { kind: "import", vmlinux: "/x" } as const;

/** A few bytes changed, dropped or put in, as an enemy on the line would. */
function mutated(data: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(data.length - 1), drop: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) });
  return fc
    .array(change, { minLength: 1, maxLength: 4 })
    .map((changes) =>
      changes.reduce(
        (bytes, { at, drop, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]),
        data,
      ),
    );
}

test("no text makes the readers of keys and signatures stumble", () => {
  const key = new MinisignTestKey();
  const signature = Buffer.from(key.sign(Buffer.from("data")));
  const text = fc.oneof(fc.string({ unit: "binary" }), mutated(signature).map(String));
  fc.assert(
    fc.property(text, (some) => {
      parsePublicKey(some);
      parseSignature(some);
    }),
    { numRuns },
  );
});

test("a catalog and its signature, changed anywhere, are never believed", () => {
  const key = new MinisignTestKey();
  const trusted = requireKey(key.publicKey, "test");
  const data = Buffer.from(JSON.stringify({ version: 1, serial: 1, issuedAt: "2026-01-01T00:00:00Z", kernels: [] }));
  const signature = Buffer.from(key.sign(data));
  checkCatalogSignature(data, signature.toString(), trusted, "test");
  const refused = (bytes: Buffer, sig: Buffer): void => {
    if (bytes.equals(data) && signsTheSame(sig, signature)) return;
    assert.throws(() => checkCatalogSignature(bytes, sig.toString("latin1"), trusted, "test"), {
      code: "CATALOG_UNTRUSTED",
    });
  };
  fc.assert(
    fc.property(mutated(data), (bytes) => refused(bytes, signature)),
    { numRuns },
  );
  fc.assert(
    fc.property(mutated(signature), (sig) => refused(data, sig)),
    { numRuns },
  );
});

/** The untrusted comment is what its name says; so are a line's end and blanks after all of it. */
function signsTheSame(a: Buffer, b: Buffer): boolean {
  const counted = (sig: Buffer): string =>
    sig
      .toString("latin1")
      .trimEnd()
      .split(/\r?\n/)
      .map((line, at) => (at === 0 ? line.startsWith("untrusted comment:") : at % 2 === 1 ? line.trim() : line))
      .join("\n");
  return counted(a) === counted(b);
}

test("what is no catalog is an error with a code, whatever it is", () => {
  const data = Buffer.from(
    JSON.stringify({
      version: 1,
      serial: 1,
      issuedAt: "2026-01-01T00:00:00Z",
      kernels: [{ name: "k", version: "1", arch: "amd64", supports: { vmm: [], microvm: true, features: [] } }],
    }),
  );
  const anything = fc.oneof(
    mutated(data),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      try {
        parseCatalog(bytes, "test");
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
        assert.equal(error.code, "CATALOG_INVALID");
      }
    }),
    { numRuns },
  );
});

test("an archive that is changed, packed or unpacked, is a kernel or an error with a code, and writes nowhere else", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "archive-fuzz-"));
  const [path, target] = [join(dir.path, "archive"), join(dir.path, "target")];
  const packed = kernelArchive();
  const tar = zstdDecompressSync(packed);
  const archives = fc.oneof(
    mutated(packed),
    mutated(tar).map((bytes) => zstdCompressSync(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(archives, async (bytes) => {
      await writeFile(path, bytes);
      await rm(target, { recursive: true, force: true });
      try {
        await unpackKernelArchive(path, { label: "k", arch: "amd64", source }, target, operation);
      } catch (error) {
        assert.ok(error instanceof BangerError, error instanceof Error ? error.stack : String(error));
        assert.ok(["ARCHIVE_INVALID", "KERNEL_INVALID"].includes(error.code), error.code);
      }
      assert.deepEqual(
        (await readdir(dir.path)).filter((name) => !["archive", "target"].includes(name)),
        [],
      );
    }),
    { numRuns: Math.ceil(numRuns / 6) },
  );
});

test("an archive that would fill the disk is left in time", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "archive-bomb-"));
  const path = join(dir.path, "bomb");
  async function* zeros(): AsyncGenerator<Buffer> {
    yield fileHeader("modules/zeros", 5 * 1024 ** 3);
    const chunk = Buffer.alloc(4 * 1024 ** 2);
    for (let at = 0; at < 16; at += 1) yield chunk;
  }
  const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
  await pipeline(zeros(), createZstdCompress(level), createWriteStream(path));
  const target = join(dir.path, "target");
  const unpacking = unpackKernelArchive(path, { label: "k", arch: "amd64", source }, target, operation);
  await expectCode(unpacking, "ARCHIVE_INVALID", /is larger than 1073741824 bytes/);
  assert.deepEqual(await readdir(target).catch(() => []), []);
});
