import { createHash, type Hash } from "node:crypto";

declare const digestBrand: unique symbol;
/** A content digest, `sha256:` or `sha512:` and lower-case hex of the right length: safe in a path and in a URL. */
export type Digest = string & { readonly [digestBrand]: true };

export type DigestAlgorithm = "sha256" | "sha512";

/** Registered algorithms (OCI image spec, descriptor.md#registered-algorithms), each with its pattern. */
const DIGEST_PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: string): text is Digest {
  return DIGEST_PATTERN.test(text);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** @param hex 64 lower-case hex digits, as they were checked to be. */
export function digestOfHex(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}

/** First 12 hex digits, for people. */
export function shortDigest(digest: Digest): string {
  return digestHex(digest).slice(0, 12);
}

/** A running digest: feed it with `hash.update`, then ask {@link finishDigest}. */
export function startDigest(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm);
}

export function finishDigest(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return `${algorithm}:${hash.digest("hex")}` as Digest;
}

export function digestOf(data: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return finishDigest(algorithm, startDigest(algorithm).update(data));
}
