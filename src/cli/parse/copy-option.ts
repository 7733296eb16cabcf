import { basename } from "node:path";
import { badUsage } from "./bad-usage.ts";
import { absolutePath } from "./local-paths.ts";

/**
 * Reads SRC:DST. A DST that ends in a slash is a folder, in which the copy keeps its name; else it is the copy's name.
 *
 * @param cwd where a relative SRC is looked for.
 * @throws BangerError `BAD_USAGE`.
 */
export function parseCopy(text: string, cwd: string): { readonly source: string; readonly target: string } {
  const at = text.lastIndexOf(":/");
  if (at <= 0) {
    throw badUsage(`--copy cannot be "${text}"`, "write SRC:DST, as in ./app:/opt/app; DST is an absolute path");
  }
  const source = absolutePath(text.slice(0, at), cwd);
  const target = text.slice(at + 1);
  return { source, target: target.endsWith("/") ? `${target}${basename(source)}` : target };
}
