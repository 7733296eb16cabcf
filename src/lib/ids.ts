import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * A new id: `vm-7k2m…`, 16 characters of Crockford's base 32 (80 random bits), unique beyond one host.
 * Short, because it stands in socket paths, which may not pass 107 bytes.
 */
export function newId<P extends string>(prefix: P): `${P}-${string}` {
  let id = "";
  for (const byte of randomBytes(16)) id += ALPHABET[byte & 31] ?? "";
  return `${prefix}-${id}`;
}

/** Whether this can be an id of ours: nothing else is ever joined to a path. */
export function isId(text: string): boolean {
  return /^[a-z]{2,4}-[0-9a-z-]{1,40}$/.test(text);
}
