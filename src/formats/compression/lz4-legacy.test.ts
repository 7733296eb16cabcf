import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BangerError } from "../../lib/errors.ts";
import { streamOf } from "../byte-reader.ts";
import { decompressLz4Legacy } from "./lz4-legacy.ts";

const MAGIC = Buffer.from([0x02, 0x21, 0x4c, 0x18]);

function frame(...blocks: Buffer[]): Buffer {
  const sized = blocks.flatMap((block) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    return [size, block];
  });
  return Buffer.concat([MAGIC, ...sized]);
}

/** A length of 15 and more goes on in bytes of 255 and a last one. */
function rest(length: number): number[] {
  if (length < 15) return [];
  const more = length - 15;
  return [...Array<number>(Math.floor(more / 255)).fill(255), more % 255];
}

interface Sequence {
  readonly literals: Buffer;
  /** Absent in the last one. */
  readonly match?: { readonly distance: number; readonly length: number };
}

/** Writes sequences as a compressor does. */
function block(sequences: readonly Sequence[]): Buffer {
  return Buffer.concat(
    sequences.flatMap(({ literals, match }) => {
      const matchLength = match === undefined ? 0 : match.length - 4;
      const token = (Math.min(literals.length, 15) << 4) | Math.min(matchLength, 15);
      const head = Buffer.from([token, ...rest(literals.length)]);
      if (match === undefined) return [head, literals];
      return [head, literals, Buffer.from([match.distance & 255, match.distance >> 8, ...rest(matchLength)])];
    }),
  );
}

/** What sequences come to, by the simplest means: byte by byte. */
function expand(sequences: readonly Sequence[]): Buffer {
  const out: number[] = [];
  for (const { literals, match } of sequences) {
    out.push(...literals);
    for (let i = 0; i < (match?.length ?? 0); i += 1) out.push(out[out.length - (match?.distance ?? 0)] ?? 0);
  }
  return Buffer.from(out);
}

async function unpack(packed: Buffer, unpackedBytes: number): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const part of decompressLz4Legacy(streamOf(packed), unpackedBytes, "it")) blocks.push(Buffer.from(part));
  return Buffer.concat(blocks);
}

const literals = fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const sequence = fc.record({
  literals,
  match: fc.record({ distance: fc.integer({ min: 1, max: 400 }), length: fc.integer({ min: 4, max: 600 }) }),
});
const sequences = fc.tuple(fc.array(sequence, { maxLength: 8 }), literals).map(([some, last]) => {
  let length = 0;
  const fitting = some.map(({ literals, match }): Sequence => {
    length += literals.length;
    const distance = Math.min(match.distance, length);
    length += match.length;
    return { literals, match: { distance, length: match.length } };
  });
  return [...fitting, { literals: last }];
});

test("unpacks blocks, with matches that run into themselves and lengths of several bytes", async () => {
  await fc.assert(
    fc.asyncProperty(sequences, sequences, async (first, second) => {
      const expected = Buffer.concat([expand(first), expand(second)]);
      assert.deepEqual(await unpack(frame(block(first), block(second)), expected.length), expected);
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
  );
});

test("unpacks a frame that follows a frame", async () => {
  const part = [{ literals: Buffer.from("abc") }];
  const packed = Buffer.concat([frame(block(part)), frame(block(part))]);
  assert.equal((await unpack(packed, 6)).toString(), "abcabc");
});

test("refuses damage, and never reads or writes beyond what there is", async () => {
  await fc.assert(
    fc.asyncProperty(sequences, fc.nat(), fc.nat({ max: 255 }), async (good, at, byte) => {
      const packed = frame(block(good));
      packed[MAGIC.length + (at % (packed.length - MAGIC.length))] = byte;
      const { length } = expand(good);
      try {
        assert.equal((await unpack(packed, length)).length, length);
      } catch (error) {
        assert.ok(error instanceof BangerError && error.code === "ARCHIVE_INVALID", String(error));
      }
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
  );
  const good = frame(block([{ literals: Buffer.from("abc") }]));
  for (const length of [0, 2, 4]) await assert.rejects(unpack(good, length), { code: "ARCHIVE_INVALID" });
  await assert.rejects(unpack(good.subarray(0, -1), 3), { code: "ARCHIVE_INVALID" });
  const tooLong = Buffer.concat([MAGIC, Buffer.from([255, 255, 255, 255])]);
  await assert.rejects(unpack(tooLong, 3), { code: "ARCHIVE_INVALID" });
});
