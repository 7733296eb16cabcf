import { displayName, type ByteString } from "../model/byte-string.ts";

/**
 * What is wrong with an archive. Whoever reads it knows what the archive is (a layer, a saved image) and says so:
 * this never crosses a border of src/oci.
 */
export class TarError extends Error {
  override readonly name = "TarError";
  /** `limit`: it may be right, but is more than we take. */
  readonly kind: "invalid" | "limit";
  /** Without the entry. */
  readonly reason: string;
  readonly entry: ByteString | undefined;

  constructor(kind: TarError["kind"], reason: string, entry?: ByteString) {
    super(entry === undefined ? reason : `entry "${shownName(entry)}": ${reason}`);
    this.kind = kind;
    this.reason = reason;
    this.entry = entry;
  }
}

export function tarInvalid(reason: string, entry?: ByteString): TarError {
  return new TarError("invalid", reason, entry);
}

export function tarLimit(reason: string, entry?: ByteString): TarError {
  return new TarError("limit", reason, entry);
}

const SHOWN_CHARACTERS = 200;

function shownName(entry: ByteString): string {
  const cut = entry.length > SHOWN_CHARACTERS ? `${entry.slice(0, SHOWN_CHARACTERS)}...` : entry;
  return displayName(cut);
}
