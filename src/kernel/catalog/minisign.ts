import { createHash, createPublicKey, verify, type Hash, type KeyObject } from "node:crypto";

/**
 * Signatures as minisign makes them (https://jedisct1.github.io/minisign/, "Signature format", "Public key format"):
 * Ed25519 over the BLAKE2b-512 of a file, and a comment that is signed with it.
 */

/** Signature algorithm of a file's hash; `Ed`, of the file itself, is of minisign before 0.11 and would not stream. */
const PREHASHED = "ED";
const LEGACY = "Ed";
const KEY_ID_BYTES = 8;
const PUBLIC_KEY_BYTES = 2 + KEY_ID_BYTES + 32;
const SIGNATURE_BYTES = 2 + KEY_ID_BYTES + 64;
const GLOBAL_SIGNATURE_BYTES = 64;
const COMMENT = /^untrusted comment:/;
const TRUSTED = "trusted comment: ";

export interface MinisignKey {
  readonly keyId: Buffer;
  readonly key: KeyObject;
}

export interface MinisignSignature {
  readonly keyId: Buffer;
  readonly signature: Buffer;
  /** Signed with the file. */
  readonly trustedComment: string;
  readonly globalSignature: Buffer;
}

/** Reads a public key: the line `RW…`, alone or in a `.pub` file. Undefined for what is none. */
export function parsePublicKey(text: string): MinisignKey | undefined {
  const lines = text.trim().split(/\r?\n/);
  const [line = "", ...more] = COMMENT.test(lines[0] ?? "") ? lines.slice(1) : lines;
  const bytes = decode(line.trim(), PUBLIC_KEY_BYTES);
  if (bytes === undefined || more.length > 0 || bytes.toString("latin1", 0, 2) !== LEGACY) return undefined;
  const x = bytes.toString("base64url", 2 + KEY_ID_BYTES);
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return { keyId: bytes.subarray(2, 2 + KEY_ID_BYTES), key };
}

/** Reads a `.minisig` file. A string says in words why it is none that counts. */
export function parseSignature(text: string): MinisignSignature | string {
  const [comment = "", first = "", trusted = "", second = "", ...more] = text.trimEnd().split(/\r?\n/);
  const bytes = decode(first.trim(), SIGNATURE_BYTES);
  const globalSignature = decode(second.trim(), GLOBAL_SIGNATURE_BYTES);
  const isWellFormed = COMMENT.test(comment) && trusted.startsWith(TRUSTED) && more.length === 0;
  if (!isWellFormed || bytes === undefined || globalSignature === undefined) return "it is no signature of minisign";
  const algorithm = bytes.toString("latin1", 0, 2);
  if (algorithm === LEGACY) return "it is in minisign's old format, which signs no hash (sign with `minisign -H`)";
  if (algorithm !== PREHASHED) return "it is of a kind that is not known";
  return {
    keyId: bytes.subarray(2, 2 + KEY_ID_BYTES),
    signature: bytes.subarray(2 + KEY_ID_BYTES),
    trustedComment: trusted.slice(TRUSTED.length),
    globalSignature,
  };
}

/** The hash of a file that its signature is about. */
export function startSignedHash(): Hash {
  return createHash("blake2b512");
}

/**
 * Why `signature` does not vouch for a file of this hash; undefined when it does.
 *
 * @param hash what {@link startSignedHash} came to.
 */
export function findFault({ keyId, key }: MinisignKey, signature: MinisignSignature, hash: Buffer): string | undefined {
  if (!keyId.equals(signature.keyId)) {
    return `it was signed with the key ${formatKeyId(signature.keyId)}, and ${formatKeyId(keyId)} is the one trusted`;
  }
  if (!verify(null, hash, key, signature.signature)) return "its signature is not of this content";
  const signedAgain = Buffer.concat([signature.signature, Buffer.from(signature.trustedComment)]);
  if (!verify(null, signedAgain, key, signature.globalSignature)) return "the comment of its signature was changed";
  return undefined;
}

/** As minisign prints it: the eight bytes as one number, the last byte first. */
export function formatKeyId(keyId: Buffer): string {
  return Buffer.from(keyId).reverse().toString("hex").toUpperCase();
}

function decode(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length === length && bytes.toString("base64") === text ? bytes : undefined;
}
