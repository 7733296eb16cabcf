import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { unpack } from "./unpack-archive.ts";
import { FormatError } from "../format-error.ts";

/** Pieces that are good only until the next is asked for: what holds on to one sees it change. */
async function* pieces(data: Buffer, bytes: number): AsyncGenerator<Buffer> {
  const memory = Buffer.alloc(bytes);
  for (let at = 0; at < data.length; at += bytes) {
    const length = data.copy(memory, 0, at, at + bytes);
    yield memory.subarray(0, length);
    memory.fill(0xee);
  }
}

async function unpacked(data: Buffer, bytes = data.length): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of unpack(pieces(data, bytes))) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const content = Buffer.concat([Buffer.alloc(3000, "text "), randomBytes(3000), Buffer.alloc(200_000)]);
const third = Math.floor(content.length / 3);
const parts = [
  content.subarray(0, third),
  Buffer.alloc(0),
  content.subarray(third, third + 1),
  content.subarray(third + 1),
];

function skippable(bytes: number): Buffer {
  const frame = Buffer.alloc(8 + bytes, "skip");
  frame.writeUInt32LE(0x184d2a5e, 0);
  frame.writeUInt32LE(bytes, 4);
  return frame;
}

const checksummed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const forms = {
  gzip: gzipSync(content),
  "gzip members": Buffer.concat(parts.map((part) => gzipSync(part))),
  zstd: zstdCompressSync(content),
  "zstd with checksum": zstdCompressSync(content, checksummed),
  "zstd frames": Buffer.concat(parts.map((part, i) => zstdCompressSync(part, i % 2 === 0 ? checksummed : {}))),
  "zstd frames among others to skip": Buffer.concat([
    skippable(0),
    ...parts.flatMap((part) => [zstdCompressSync(part), skippable(100)]),
  ]),
};

for (const [name, packed] of Object.entries(forms)) {
  test(`${name}, in pieces of any size`, async () => {
    for (const bytes of [1, 2, 3, 7, 100, 511, 512, 4096, packed.length]) {
      assert.ok((await unpacked(packed, bytes)).equals(content), `pieces of ${bytes} bytes`);
    }
  });

  test(`${name}, cut off`, async () => {
    for (const length of [600, packed.length - 1]) {
      if (name.endsWith("to skip") && length === 600) continue;
      await assert.rejects(unpacked(packed.subarray(0, length)), FormatError, `cut at ${length}`);
    }
  });
}

test("junk after zstd is an error, zeros after gzip are padding", async () => {
  await assert.rejects(unpacked(Buffer.concat([forms.zstd, Buffer.from("junk")])), /not zstd/);
  for (const bytes of [1, 100, 511, 512, 4096, forms.gzip.length, forms.gzip.length + 512]) {
    const padded = Buffer.concat([forms.gzip, Buffer.alloc(512)]);
    assert.ok((await unpacked(padded, bytes)).equals(content), `pieces of ${bytes} bytes`);
  }
});

test("what is not zeros behind the padding is an error, whatever pieces it comes in", async () => {
  const padded = Buffer.concat([forms.gzip, Buffer.alloc(600)]);
  for (const tail of [Buffer.from([1]), forms.gzip, Buffer.concat([Buffer.alloc(5000), Buffer.from("junk")])]) {
    const data = Buffer.concat([padded, tail]);
    const sizes = [1, 100, 511, 512, 4096, forms.gzip.length, forms.gzip.length + 1, padded.length, data.length];
    for (const bytes of sizes) await assert.rejects(unpacked(data, bytes), /not zeros/, `pieces of ${bytes} bytes`);
  }
});

test("the padding is read to its end, since another layer comes behind it", async () => {
  let read = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const piece of pieces(Buffer.concat([forms.gzip, Buffer.alloc(5000)]), 100)) {
      read += piece.length;
      yield piece;
    }
  }
  for await (const chunk of unpack(counted())) assert.ok(chunk.length > 0);
  assert.equal(read, forms.gzip.length + 5000);
});

test("what goes wrong with the pieces is told as it is, and nothing is asked for after it", async () => {
  let ended = false;
  async function* failing(): AsyncGenerator<Buffer> {
    try {
      yield forms.gzip.subarray(0, 3000);
      throw new Error("the line is cut");
    } finally {
      ended = true;
    }
  }
  await assert.rejects(async () => {
    for await (const chunk of unpack(failing())) assert.ok(chunk.length > 0);
  }, /the line is cut/);
  assert.ok(ended);
});

test("what goes wrong behind the last byte of content is told too, and only once", async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield Buffer.concat([forms.gzip, Buffer.alloc(600)]);
    yield Buffer.alloc(600);
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw new Error("the line is cut");
  }
  const chunks: Buffer[] = [];
  await assert.rejects(async () => {
    for await (const chunk of unpack(failing())) chunks.push(Buffer.from(chunk));
  }, /the line is cut/);
  assert.ok(Buffer.concat(chunks).equals(content));
});

test("whoever stops before the end lets go of the pieces", async () => {
  let released = false;
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield gzipSync(content);
    } finally {
      released = true;
    }
  }
  for await (const chunk of unpack(endless())) {
    assert.ok(chunk.length > 0);
    break;
  }
  assert.ok(released);
});

test("a window past 128 MiB is refused by its header", async () => {
  // Frame header: no content size, window descriptor of 2^28 bytes.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (28 - 10) << 3, 0x01, 0x00, 0x00]);
  await assert.rejects(unpacked(frame), /window past 128 MiB/);
  frame[5] = (27 - 10) << 3;
  assert.equal((await unpacked(frame)).length, 0);
});
