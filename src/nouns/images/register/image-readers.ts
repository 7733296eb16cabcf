import { realpath } from "node:fs/promises";
import { BangerError } from "../../../lib/errors.ts";
import type { Layout } from "../../../model/layout.ts";

/**
 * Refuses files of banger's own as a user's: they change, and go, with the VM, image or kernel that they belong to.
 *
 * @throws BangerError `BAD_REQUEST`.
 */
export async function refuseOurs(layout: Layout, paths: readonly (string | undefined)[]): Promise<void> {
  const ours = await realpath(layout.dataDir).catch(() => layout.dataDir);
  for (const path of paths) {
    // What is not there is told of by who reads it.
    const place = path === undefined ? undefined : await realpath(path).catch(() => undefined);
    if (place === undefined || !place.startsWith(`${ours}/`)) continue;
    throw new BangerError("BAD_REQUEST", {
      what: `${path} is banger's own, and is not registered where it lies`,
      why: "it goes with the VM or image that it belongs to",
      fix: `copy it to a folder of yours, and register the copy: cp --sparse=always ${path} .`,
    });
  }
}
