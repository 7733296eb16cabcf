import { realpathSync } from "node:fs";
import { BangerError } from "../lib/errors.ts";
import { folderLock, instanceFolders, type Layout } from "../model/layout.ts";
import { findHolder } from "../lib/lock-holder.ts";
import { tryLock } from "../store/lock.ts";

/**
 * Makes this process the only daemon on the data and the run folder too; the lock on the state is held already. Two daemons
 * that share one of them would each take what the other has there for nobody's.
 *
 * @throws BangerError `DAEMON_ALREADY_RUNNING` if another state's daemon has one of them.
 */
export async function holdFolders(layout: Layout): Promise<Disposable> {
  using locks = new DisposableStack();
  const { state, ...others } = instanceFolders(layout);
  const held = new Set([realpathSync(state)]);
  for (const [name, folder] of Object.entries(others)) {
    const real = realpathSync(folder);
    if (held.has(real)) continue;
    held.add(real);
    const lock = tryLock(folderLock(folder));
    if (lock === undefined) throw await inUse(name, folder, state);
    locks.use(lock);
  }
  return locks.move();
}

async function inUse(name: string, folder: string, state: string): Promise<BangerError> {
  const holder = (await findHolder(folderLock(folder)))?.pid;
  return new BangerError("DAEMON_ALREADY_RUNNING", {
    what: `another daemon has the ${name} folder ${folder}`,
    why: `it keeps its state elsewhere than in ${state}${holder === undefined ? "" : `; its pid is ${holder}`}`,
    fix: "set XDG_STATE_HOME as for that daemon; or give this one folders of its own with XDG_DATA_HOME and XDG_RUNTIME_DIR",
    data: { folder, holder: holder ?? null },
  });
}
