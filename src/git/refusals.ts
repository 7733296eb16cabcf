import { BangerError } from "../lib/errors.ts";
import { formatBytes } from "../lib/bytes.ts";
import { displayName, type ByteString } from "../model/byte-string.ts";
import { somePaths } from "./git-paths.ts";

/** What a guest sends and nobody takes. Nothing of it is kept. */
export function refused(what: string, why: string, paths: readonly ByteString[] = []): BangerError {
  return new BangerError("WORKSPACE_REFUSED", {
    what,
    why,
    fix: "put that right in the guest with `banger workspace exec`, and try again; nothing was taken",
    data: { paths: paths.slice(0, 100).map(displayName) },
  });
}

/** @param paths as text of the guest's. */
export function tooLarge(paths: readonly ByteString[], maxFileBytes: number): BangerError {
  return new BangerError("WORKSPACE_REFUSED", {
    what: `${somePaths(paths)}: too large to come home`,
    why: `a file may have ${formatBytes(maxFileBytes)}`,
    fix: "remove it in the guest or have .gitignore name it, or ask for more with `maxFileBytes`; nothing was taken",
    data: { paths: paths.slice(0, 100).map(displayName) },
  });
}
