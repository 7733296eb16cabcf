/**
 * Text from elsewhere (a registry's message, a name) made safe for a terminal: control characters, which could move its
 * cursor or change its title, are shown as `\x1b`. Line ends and tabs stay.
 */
export function plainText(text: string): string {
  return text.replace(UNSAFE, (c) => {
    const digits = c.charCodeAt(0).toString(16);
    return digits.length > 2 ? `\\u${digits.padStart(4, "0")}` : `\\x${digits.padStart(2, "0")}`;
  });
}

/** Beside controls, what turns the direction of text: it would show another name than there is. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** JSON that is safe for a terminal too: it escapes the lower control characters only, and not DEL and the upper ones. */
export function plainJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[\x7f-\x9f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
