import { basename, dirname } from "node:path";
import { removeTree } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { Orphan } from "../../../model/orphan.ts";
import { endStrays, type VmContext, detachDisks } from "../../vms/index.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { findOrphans } from "./find-orphans.ts";

export interface OrphansDelete {
  readonly names: readonly string[];
  readonly all: boolean;
  readonly force: boolean;
}

/**
 * Deletes orphans for good. They are looked for anew, so nothing that the state knows goes, whatever is asked.
 *
 * @throws BangerError `ORPHAN_NOT_FOUND`; `VM_WRONG_STATE` if a VMM works in one and `force` is not given; then nothing is
 *         deleted.
 */
export async function deleteOrphans(context: VmContext, wanted: OrphansDelete): Promise<readonly Orphan[]> {
  const all = await findOrphans(context);
  const missing = wanted.names.find((name) => !all.some((orphan) => orphan.name === name));
  if (missing !== undefined) {
    throw new BangerError("ORPHAN_NOT_FOUND", {
      what: `there is no orphan ${JSON.stringify(missing)}`,
      fix: "see `banger system orphans` for their names",
    });
  }
  const chosen = wanted.all ? all : all.filter(({ name }) => wanted.names.includes(name));
  const alive = chosen.find(({ pids }) => pids.length > 0);
  if (alive !== undefined && !wanted.force) {
    throw new BangerError("VM_WRONG_STATE", {
      what: `a VM runs in ${alive.name}`,
      why: `its VMM is pid ${alive.pids.join(", ")}`,
      fix: "add `force` to end it; or take it back: stop the daemon, move its database away, and run `banger daemon recover`",
      data: aboutFields("force"),
    });
  }
  for (const { name, kind, path } of chosen) {
    if (kind === "vm" || kind === "run") {
      const id = name.slice(name.indexOf("/") + 1);
      await endStrays(context, id);
      if (kind === "vm") await detachDisks(id, undefined);
    }
    await removeTree(
      dirname(path),
      basename(path),
      "asked for by system orphans --delete; no record and no intent names it",
    );
    context.log.info({ orphan: name, path }, "deleted, as asked");
  }
  return chosen;
}
