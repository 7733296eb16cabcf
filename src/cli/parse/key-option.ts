import { badUsage } from "./bad-usage.ts";

/** What a terminal sends for its keys (xterm's ctlseqs, "PC-Style Function Keys", in normal cursor mode). */
const KEYS: Readonly<Record<string, string>> = {
  enter: "\r",
  tab: "\t",
  escape: "\u001b",
  space: " ",
  backspace: "\u007f",
  up: "\u001b[A",
  down: "\u001b[B",
  right: "\u001b[C",
  left: "\u001b[D",
  home: "\u001b[H",
  end: "\u001b[F",
  insert: "\u001b[2~",
  delete: "\u001b[3~",
  pageup: "\u001b[5~",
  pagedown: "\u001b[6~",
  f1: "\u001bOP",
  f2: "\u001bOQ",
  f3: "\u001bOR",
  f4: "\u001bOS",
  f5: "\u001b[15~",
  f6: "\u001b[17~",
  f7: "\u001b[18~",
  f8: "\u001b[19~",
  f9: "\u001b[20~",
  f10: "\u001b[21~",
  f11: "\u001b[23~",
  f12: "\u001b[24~",
};

/**
 * What is sent for a key by its name: one of the table's, `C-c` with Ctrl, `M-x` with Alt, or one character.
 *
 * @param onTerminal whether a terminal makes an end of a line of Enter.
 * @throws BangerError `BAD_USAGE`.
 */
export function keyBytes(name: string, onTerminal: boolean): string {
  const known = KEYS[name.toLowerCase()];
  if (known !== undefined) return known === "\r" && !onTerminal ? "\n" : known;
  const [, modifier, key = ""] = /^([CM])-(.+)$/s.exec(name) ?? [];
  if (modifier === "C" && /^[a-z@[\\\]^_]$/i.test(key))
    return String.fromCharCode(key.toUpperCase().charCodeAt(0) & 0x1f);
  if (modifier === "M") return `\u001b${keyBytes(key, onTerminal)}`;
  if (/^.$/su.test(name)) return name;
  throw badUsage(`there is no key ${name}`, "name one as in Enter, Tab, Escape, Up, PageDown, F5, C-c, M-x or x");
}
