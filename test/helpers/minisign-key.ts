import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** A key that signs as minisign does, for tests that need no minisign: written from its documentation alone. */
export class MinisignTestKey {
  /** The line `RW…`. */
  readonly publicKey: string;
  readonly #id = randomBytes(8);
  readonly #secret: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const x = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
    this.publicKey = Buffer.concat([Buffer.from("Ed"), this.#id, x]).toString("base64");
    this.#secret = privateKey;
  }

  /** The text of a `.minisig` file. */
  sign(data: Uint8Array, comment = "made by a test"): string {
    const signature = sign(null, createHash("blake2b512").update(data).digest(), this.#secret);
    const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), this.#secret);
    const first = Buffer.concat([Buffer.from("ED"), this.#id, signature]).toString("base64");
    return `untrusted comment: test\n${first}\ntrusted comment: ${comment}\n${global.toString("base64")}\n`;
  }
}
