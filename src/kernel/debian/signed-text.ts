import { readFile } from "node:fs/promises";
import type { Key } from "openpgp";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import type { ArchiveKeys } from "./apt-sources.ts";

/**
 * The text of a clearsigned message, if one of the archive's keys signed it.
 *
 * Debian signs with several keys of which a host may know only some: one good signature is enough, as it is for apt.
 *
 * @param name where it came from, for errors.
 * @param now signatures and keys must be valid at this time.
 * @throws BangerError `MIRROR_UNTRUSTED`.
 */
export async function verifySignedText(signed: string, keys: ArchiveKeys, name: string, now: Date): Promise<string> {
  // Large, and needed only here: a daemon that pulls nothing starts without it.
  const { readCleartextMessage, verify } = await import("openpgp");
  const verificationKeys = await readArchiveKeys(keys, name);
  let message: Awaited<ReturnType<typeof readCleartextMessage>>;
  try {
    message = await readCleartextMessage({ cleartextMessage: signed });
  } catch (error) {
    throw untrusted(name, `it is not a signed text (${messageOf(error)})`, error);
  }
  const { data, signatures } = await verify({ message, verificationKeys, date: now });
  const complaints: string[] = [];
  for (const signature of signatures) {
    try {
      await signature.verified;
      // Only what was signed: text before or after the signed part is not in `data`.
      return data;
    } catch (error) {
      complaints.push(`key ${signature.keyID.toHex()}: ${messageOf(error)}`);
    }
  }
  throw untrusted(name, `no signature on it is good (${complaints.join("; ") || "it has none"})`);
}

async function readArchiveKeys(keys: ArchiveKeys, name: string): Promise<Key[]> {
  if (keys.kind === "inline") return parseKeys(Buffer.from(keys.armored), name);
  const found: Key[] = [];
  for (const path of keys.paths) {
    try {
      found.push(...(await parseKeys(await readFile(path), path)));
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
  if (found.length > 0) return found;
  throw new BangerError("MIRROR_UNTRUSTED", {
    what: `${name} cannot be verified`,
    why: `no keyring at ${keys.paths.join(" or ")}`,
    fix: "apt install debian-archive-keyring",
  });
}

async function parseKeys(bytes: Buffer, path: string): Promise<Key[]> {
  const { readKeys } = await import("openpgp");
  try {
    return bytes.subarray(0, 64).includes("-----BEGIN")
      ? await readKeys({ armoredKeys: bytes.toString("utf8") })
      : await readKeys({ binaryKeys: bytes });
  } catch (error) {
    throw untrusted(path, `it holds no OpenPGP keys (${messageOf(error)})`, error);
  }
}

/** Says that an archive's word cannot be taken. */
export function untrusted(name: string, why: string, cause?: unknown, data: BangerError["data"] = {}): BangerError {
  return new BangerError("MIRROR_UNTRUSTED", {
    what: `${name} cannot be trusted`,
    why,
    fix: "try another mirror (`debian_mirror` in config.toml), and check the host's clock; nothing was kept",
    cause,
    data,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
