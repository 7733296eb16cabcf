/* oxlint-disable no-control-regex -- control characters are what is looked for */
import { StringDecoder } from "node:string_decoder";
import { plainText } from "./plain-text.ts";

/** Colours and the like (SGR, ECMA-48 8.3.117), which move nothing. */
const SGR = /^\u001B\[[\d;:]{0,40}m/;
/** A sequence that may yet become one. */
const UNFINISHED = /^\u001B(?:\[[\d;:]{0,40})?$/;
const PLAIN = "\u001B[0m";

/**
 * What a guest wrote, made safe for a terminal: colours pass, and are ended with it; all else that a terminal acts on is
 * shown as `\x1b`. Line ends and tabs stay, and so does a carriage return before a line feed.
 */
export async function* safeForTerminal(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let hasColour = false;
  const take = (text: string, isLast: boolean): string => {
    const all = rest + text;
    rest = "";
    let safe = "";
    for (let at = 0; at < all.length;) {
      const next = all.slice(at).search(/[\u001B\r]/);
      const stop = next === -1 ? all.length : at + next;
      safe += plainText(all.slice(at, stop));
      if (next === -1) break;
      const ahead = all.slice(stop, stop + 48);
      if (!isLast && (ahead === "\r" || UNFINISHED.test(ahead))) {
        rest = ahead;
        break;
      }
      const whole = SGR.exec(ahead)?.[0] ?? (ahead.startsWith("\r\n") ? "\r\n" : undefined);
      hasColour ||= whole?.startsWith("\u001B") === true;
      safe += whole ?? plainText(ahead.slice(0, 1));
      at = stop + (whole?.length ?? 1);
    }
    return safe;
  };
  for await (const chunk of source) {
    const safe = take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)), false);
    if (safe !== "") yield safe;
  }
  const last = take(decoder.end(), true) + (hasColour ? PLAIN : "");
  if (last !== "") yield last;
}
