import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BEGIN,
  encodeControl,
  GONE,
  HELLO,
  LineDecoder,
  LineEncoder,
  MARKER,
  NONCE_BYTES,
  READY,
} from "./line-codec.ts";

/** What a receiver makes of a wire that comes in pieces of `size` bytes. */
function decode(wire: Buffer, size: number): { payload: Buffer; controls: string[] } {
  const decoder = new LineDecoder();
  const payload: Buffer[] = [];
  const controls: string[] = [];
  for (let at = 0; at < wire.length; at += size) {
    decoder.decode(wire.subarray(at, at + size), {
      payload: (bytes) => payload.push(Buffer.from(bytes)),
      control: ({ kind, nonce }) => controls.push(`${kind}:${nonce.toString("hex")}`),
      broken: () => controls.push("broken"),
    });
  }
  return { payload: Buffer.concat(payload), controls };
}

const nonce = Buffer.from("0102030405060708", "hex");
/** Pieces that look as much like controls as can be. */
const piece = fc.oneof(
  fc.constant(MARKER),
  fc.nat(MARKER.length).map((n) => MARKER.subarray(0, n)),
  fc.constantFrom(HELLO, READY, BEGIN, GONE).map((kind) => encodeControl(kind, nonce)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);

test("payload is payload, however it looks and wherever it is cut", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 1, max: 64 }), (writes, size) => {
      const encoder = new LineEncoder();
      const wire = Buffer.concat(writes.flatMap((write) => encoder.encode(write)));
      assert.deepEqual(decode(wire, size), { payload: Buffer.concat(writes), controls: [] });
    }),
    { numRuns: 2000 },
  );
});

test("a control in the midst of a stream is found, and none of it is payload", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 4 }), fc.integer({ min: 1, max: 64 }), (writes, size) => {
      const encoder = new LineEncoder();
      const wire = [...writes.flatMap((write) => encoder.encode(write)), encodeControl(GONE, nonce), Buffer.from("x")];
      assert.deepEqual(decode(Buffer.concat(wire), size), {
        payload: Buffer.concat([...writes, Buffer.from("x")]),
        controls: [`${GONE}:${nonce.toString("hex")}`],
      });
    }),
  );
});

test("a marker without a kind is told, and the marker after it is found", () => {
  const wire = Buffer.concat([MARKER, encodeControl(READY, nonce)]);
  assert.deepEqual(decode(wire, 7), {
    payload: Buffer.alloc(0),
    controls: ["broken", `${READY}:${nonce.toString("hex")}`],
  });
});

test("the marker is what both sides rely on", () => {
  assert.equal(new Set(MARKER).size, MARKER.length, "no two bytes are equal");
  assert.equal(nonce.length, NONCE_BYTES);
});
