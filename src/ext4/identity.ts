import { createHash } from "node:crypto";

/** What makes one volume differ from another of the same content: all derived, nothing random. */
export interface VolumeIdentity {
  /** 16 bytes, `s_uuid`. */
  readonly uuid: Buffer;
  /** 16 bytes, `s_hash_seed`. */
  readonly hashSeed: Buffer;
}

/** Derives UUID (version 8, RFC 9562) and hash seed from what the caller says the content is: a digest. */
export function deriveIdentity(identity: Uint8Array): VolumeIdentity {
  const uuid = digest("uuid", identity);
  uuid.writeUInt8(0x80 | (uuid.readUInt8(6) & 0x0f), 6);
  uuid.writeUInt8(0x80 | (uuid.readUInt8(8) & 0x3f), 8);
  return { uuid, hashSeed: digest("hash seed", identity) };
}

export function formatUuid(uuid: Buffer): string {
  return uuid.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function digest(purpose: string, identity: Uint8Array): Buffer {
  return createHash("sha256").update(`banger ext4 ${purpose}\0`).update(identity).digest().subarray(0, 16);
}
