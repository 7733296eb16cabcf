import { BangerError } from "../../lib/errors.ts";
import { digestAlgorithm, digestOf, shortDigest, type Digest } from "../manifest/digest.ts";
import type { Descriptor } from "../manifest/manifest.ts";

/** A manifest or index as its bytes came. */
export interface RawManifest {
  readonly data: Buffer;
  /** What it was announced as; undefined where nobody said. */
  readonly mediaType: string | undefined;
  readonly digest: Digest;
}

/** Where blobs can be had from. */
export interface BlobSource {
  /**
   * A blob's bytes from `offset` on. It may end early or hand on something else: whoever reads it checks.
   * A piece is good only until the next is asked for.
   *
   * @throws TransientError where trying again may help.
   */
  openBlob(descriptor: Descriptor, offset: number, signal: AbortSignal): AsyncIterable<Buffer>;
}

/** Where one image can be had from: a registry, a folder, an archive. */
export interface ImageSource extends BlobSource, AsyncDisposable {
  /** For people. */
  readonly name: string;
  /**
   * The manifest with this digest, or, without one, what the reference itself names.
   *
   * @throws BangerError `MANIFEST_NOT_FOUND`, `DIGEST_MISMATCH`, and the source's own.
   */
  manifest(descriptor: Descriptor | undefined, signal: AbortSignal): Promise<RawManifest>;
}

/**
 * Reads a small blob whole, and checks it.
 *
 * @throws BangerError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `MANIFEST_INVALID` if it says to be larger than `maxBytes`.
 */
export async function readBlob(
  source: BlobSource,
  descriptor: Descriptor,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > maxBytes) {
    throw new BangerError("MANIFEST_INVALID", {
      what: `blob ${shortDigest(descriptor.digest)} of the image is too large`,
      why: `it has ${descriptor.size} bytes, and at most ${maxBytes} are read`,
      fix: "ask whoever publishes the image",
    });
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source.openBlob(descriptor, 0, signal)) {
    length += chunk.length;
    if (length > descriptor.size) throw sizeMismatch(descriptor, length);
    chunks.push(Buffer.from(chunk));
  }
  const data = Buffer.concat(chunks);
  checkBlob(descriptor, data);
  return data;
}

/** @throws BangerError `SIZE_MISMATCH`, `DIGEST_MISMATCH`. */
export function checkBlob(descriptor: Descriptor, data: Uint8Array): void {
  if (data.length !== descriptor.size) throw sizeMismatch(descriptor, data.length);
  const found = digestOf(data, digestAlgorithm(descriptor.digest));
  if (found !== descriptor.digest) throw digestMismatch(descriptor.digest, found);
}

export function sizeMismatch(descriptor: Descriptor, found: number): BangerError {
  return new BangerError("SIZE_MISMATCH", {
    what: `blob ${shortDigest(descriptor.digest)} has not the size that the manifest tells`,
    why: `${found > descriptor.size ? "more than " : ""}${Math.min(found, descriptor.size)} bytes came, and it should be ${descriptor.size}`,
    fix: "pull it again; if it stays so, the registry's copy is damaged",
    data: { digest: descriptor.digest, size: descriptor.size },
  });
}

export function digestMismatch(wanted: Digest, found: Digest): BangerError {
  return new BangerError("DIGEST_MISMATCH", {
    what: `content of ${shortDigest(wanted)} is not what its digest says`,
    why: `it is ${found}`,
    fix: "pull it again; if it stays so, the source's copy is damaged or somebody has changed it",
    data: { wanted, found },
  });
}
