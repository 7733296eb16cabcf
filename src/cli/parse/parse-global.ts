import { badUsage } from "./bad-usage.ts";
import { nearest } from "./nearest.ts";

const KNOWN = ["--help", "--version", "-h"];

/**
 * Holds a command line without a command against what may stand there.
 *
 * @throws BangerError `BAD_USAGE`.
 */
export function parseGlobal(words: readonly string[]): void {
  const unknown = words.find((word) => !KNOWN.includes(word));
  if (unknown === undefined) return;
  const suggestion = unknown.toLowerCase() === "-v" ? "--version" : nearest(unknown, KNOWN);
  throw badUsage(
    `\`banger\` by itself has no option ${unknown}`,
    suggestion === undefined ? "write it after the command: `banger vm list --json`" : `did you mean ${suggestion}?`,
  );
}
