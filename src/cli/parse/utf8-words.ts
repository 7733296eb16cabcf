import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { badUsage } from "./bad-usage.ts";

const REPLACEMENT = "\u{FFFD}";

/**
 * Refuses words that are not UTF-8: Node has changed them by now, so that they would name something else.
 *
 * @param commandLine the process's own words as they were given, each with a NUL behind it (proc(5)).
 * @throws BangerError `BAD_USAGE`.
 */
export function checkUtf8(
  words: readonly string[],
  commandLine: () => Buffer = () => readFileSync("/proc/self/cmdline"),
): void {
  if (!words.some((word) => word.includes(REPLACEMENT)) || isUtf8(commandLine())) return;
  const word = words.find((each) => each.includes(REPLACEMENT)) ?? "";
  throw badUsage(
    `${JSON.stringify(word)} is not UTF-8 as it was given`,
    "write it in UTF-8; what names a file in other bytes goes into the guest by stdin, or in a file",
  );
}
