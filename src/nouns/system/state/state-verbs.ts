import { BangerError } from "../../../lib/errors.ts";
import type { Orphan, Rebuilt } from "../../../model/orphan.ts";
import type { VmContext } from "../../vms/index.ts";
import { deleteOrphans, type OrphansDelete } from "./delete-orphans.ts";
import { findOrphans } from "./find-orphans.ts";
import { rebuildState } from "./rebuild-state.ts";

/** What can be asked of the state itself. */
export interface StateVerbs {
  orphans(): Promise<readonly Orphan[]>;
  deleteOrphans(wanted: OrphansDelete): Promise<readonly Orphan[]>;
  /**
   * Rebuilds a state that cannot be used, and ends the daemon: the next one takes it up.
   *
   * @throws BangerError `BAD_REQUEST` where nothing is wrong with it.
   */
  rebuild(): Promise<Rebuilt>;
}

export interface StateVerbsOptions {
  /** Why the state cannot be used. */
  readonly trouble: BangerError | undefined;
  /** Takes the locks on the folders beside the state's. */
  readonly hold: () => Promise<Disposable>;
  readonly stop: () => void;
}

export function stateVerbs(context: VmContext, { trouble, hold, stop }: StateVerbsOptions): StateVerbs {
  return {
    orphans: () => findOrphans(context),
    deleteOrphans: (wanted) => deleteOrphans(context, wanted),
    async rebuild() {
      if (trouble === undefined) {
        throw new BangerError("BAD_REQUEST", {
          what: "there is nothing to recover",
          why: "the state reads well, and it is this data's",
          fix: "see `banger system orphans` for what it does not know",
        });
      }
      using _held = await hold();
      const rebuilt = await rebuildState(context.layout, context.log);
      stop();
      return rebuilt;
    },
  };
}
