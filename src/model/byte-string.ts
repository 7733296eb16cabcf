/**
 * A name or link target as exact bytes, one character (U+0000 to U+00FF) a byte: `buffer.toString("latin1")`.
 *
 * Names on disk have no encoding; as binary strings they stay exact and are cheap to compare. For people use
 * {@link displayName}.
 */
export type ByteString = string;

/** What a terminal would act on, or that would let a name look like another: C0, C1, line separators, bidi controls. */
const HIDDEN_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\\]/gu;

/**
 * A byte string as text to show: UTF-8 where it is, with each byte of what cannot be shown escaped like `\x9f`, and a
 * backslash doubled. {@link parseDisplayName} reads it back.
 */
export function displayName(name: ByteString): string {
  const text = Buffer.from(name, "latin1").toString("utf8");
  // A replacement character may stand in the name itself; escaped like the rest it is still exact.
  if (text.includes("\ufffd")) return name.replace(/[^\x20-\x7e]|\\/g, escapeBytes("latin1"));
  return text.replace(HIDDEN_CHARACTERS, escapeBytes("utf8"));
}

/** What {@link displayName} has written, as the bytes that it was; also a path as a user types it. */
export function parseDisplayName(text: string): ByteString {
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/\\(?:\\|x([0-9a-fA-F]{2}))/g, (_, hex: string | undefined) =>
      hex === undefined ? "\\" : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

function escapeBytes(encoding: "utf8" | "latin1"): (character: string) => string {
  return (character) => {
    if (character === "\\") return "\\\\";
    return [...Buffer.from(character, encoding)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  };
}
