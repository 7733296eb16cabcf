import { X509Certificate } from "node:crypto";

/** A certificate authority. */
export interface Authority {
  /** Its subject on one line, for people. */
  readonly name: string;
  /** SHA-256 of the certificate: the same in every file that has it. */
  readonly digest: string;
  /** The certificate alone, in PEM. */
  readonly pem: string;
}

export interface FoundAuthorities {
  readonly authorities: readonly Authority[];
  /** Why others in the same text are none, in words. */
  readonly left: readonly string[];
}

/** So many certificates are read from one file; the largest distribution has some 150. */
const MAX_CERTIFICATES = 2000;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The authorities in a file's content, PEM with whatever stands between, or one certificate in DER. */
export function parseAuthorities(content: Buffer, where: string, now: Date): FoundAuthorities {
  const blocks = content.toString("latin1").match(PEM_BLOCK);
  const left: string[] = [];
  const authorities: Authority[] = [];
  for (const block of blocks?.slice(0, MAX_CERTIFICATES) ?? [content]) {
    const read = readCertificate(block);
    if (read === undefined) left.push(`${where} holds something that is no certificate`);
    else if (!read.ca) left.push(`${where}: ${nameOf(read)} is no certificate authority`);
    else if (read.validToDate < now) left.push(`${where}: ${nameOf(read)} has expired`);
    else authorities.push({ name: nameOf(read), digest: read.fingerprint256, pem: read.toString() });
  }
  if (blocks !== null && blocks.length > MAX_CERTIFICATES) left.push(`${where} has more than ${MAX_CERTIFICATES}`);
  return { authorities, left };
}

function readCertificate(text: string | Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

function nameOf({ subject, fingerprint256 }: X509Certificate): string {
  return subject?.replaceAll("\n", ", ") ?? fingerprint256;
}

/** As much as a guest is given; a message to its agent holds a mebibyte. */
const MAX_GIVEN = 100;
const MAX_GIVEN_BYTES = 512 * 1024;

/** What is found beyond what the distribution trusts by itself: each once, in their order, as many as a guest can be given. */
export function beyondDistribution(found: readonly Authority[], own: ReadonlySet<string>): FoundAuthorities {
  const authorities = [
    ...new Map(found.filter(({ digest }) => !own.has(digest)).map((one) => [one.digest, one])).values(),
  ];
  let bytes = 0;
  const fitting = authorities.filter(({ pem }, index) => (bytes += pem.length) <= MAX_GIVEN_BYTES && index < MAX_GIVEN);
  const rest = authorities.length - fitting.length;
  return { authorities: fitting, left: rest === 0 ? [] : [`${rest} are more than a guest can be given`] };
}
