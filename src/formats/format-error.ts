import { displayName, type ByteString } from "../model/byte-string.ts";

/**
 * What is wrong with an archive, or with the compression around it. Whoever reads it knows what the archive is (a layer, a
 * saved image, a package) and says so: this reaches no user as it is.
 */
export class FormatError extends Error {
  override readonly name = "FormatError";
  /** `limit`: it may be right, but is more than we take. */
  readonly kind: "invalid" | "limit";
  /** Without the entry. */
  readonly reason: string;
  readonly entry: ByteString | undefined;

  constructor(kind: FormatError["kind"], reason: string, entry?: ByteString) {
    super(entry === undefined ? reason : `entry "${shownName(entry)}": ${reason}`);
    this.kind = kind;
    this.reason = reason;
    this.entry = entry;
  }
}

export function formatInvalid(reason: string, entry?: ByteString): FormatError {
  return new FormatError("invalid", reason, entry);
}

export function formatLimit(reason: string, entry?: ByteString): FormatError {
  return new FormatError("limit", reason, entry);
}

const SHOWN_CHARACTERS = 200;

function shownName(entry: ByteString): string {
  const cut = entry.length > SHOWN_CHARACTERS ? `${entry.slice(0, SHOWN_CHARACTERS)}...` : entry;
  return displayName(cut);
}
