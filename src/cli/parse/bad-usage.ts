import { BangerError } from "../../lib/errors.ts";

/** A command line that banger cannot follow, and how to write it. */
export function badUsage(what: string, fix: string): BangerError {
  return new BangerError("BAD_USAGE", { what, fix });
}
