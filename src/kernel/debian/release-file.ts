import { parseDeb822 } from "./deb822.ts";
import { untrusted } from "./signed-text.ts";

/** What an archive's Release file promises of one of its files. */
export interface ReleaseEntry {
  readonly sizeBytes: number;
  /** In hex. */
  readonly sha256: string;
}

export interface Release {
  readonly origin: string;
  readonly suite: string;
  readonly codename: string;
  readonly date: Date;
  readonly validUntil: Date | undefined;
  readonly byHash: boolean;
  /** By path below the suite: `main/binary-amd64/Packages.xz`. */
  readonly files: ReadonlyMap<string, ReleaseEntry>;
}

/** A mirror's clock and ours may differ by this much. */
const CLOCK_SLACK_MS = 24 * 3600 * 1000;

/**
 * Reads the verified text of a Release file (the repository format of Debian's wiki, DebianRepository/Format).
 *
 * @throws BangerError `MIRROR_UNTRUSTED` if it lacks what it must have.
 */
export function parseRelease(text: string, name: string): Release {
  const stanza = parseDeb822(text)[0];
  const date = parseDate(stanza?.get("date"));
  if (stanza === undefined || date === undefined) throw untrusted(name, "it has no date");
  const files = new Map<string, ReleaseEntry>();
  for (const line of (stanza.get("sha256") ?? "").split("\n")) {
    const match = /^\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)$/.exec(line);
    if (match === null) continue;
    const [, sha256 = "", size = "", path = ""] = match;
    files.set(path, { sha256, sizeBytes: Number(size) });
  }
  const validUntil = stanza.get("valid-until");
  return {
    origin: stanza.get("origin") ?? "",
    suite: stanza.get("suite") ?? "",
    codename: stanza.get("codename") ?? "",
    date,
    // One that cannot be read has passed: better an error than a promise nobody understands.
    validUntil: validUntil === undefined ? undefined : (parseDate(validUntil) ?? new Date(0)),
    byHash: stanza.get("acquire-by-hash") === "yes",
    files,
  };
}

/**
 * Checks that a Release file is the one that was asked for, and not an old one played again.
 *
 * @throws BangerError `MIRROR_UNTRUSTED`.
 */
export function checkRelease(release: Release, suite: string, name: string, now: Date): void {
  if (release.suite !== suite && release.codename !== suite) {
    throw untrusted(name, `it is of ${release.codename || release.suite || "no suite"}, not of ${suite}`);
  }
  if (release.date.getTime() > now.getTime() + CLOCK_SLACK_MS) {
    throw untrusted(name, `it is from the future: ${release.date.toISOString()}`);
  }
  if (release.validUntil !== undefined && release.validUntil < now) {
    throw untrusted(name, `it expired on ${release.validUntil.toISOString()}`, undefined, { expired: true });
  }
}

/** `Sat, 11 Jul 2026 10:16:37 UTC` (RFC 5322). */
function parseDate(text: string | undefined): Date | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : new Date(time);
}
