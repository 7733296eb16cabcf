import { DatabaseSync } from "node:sqlite";

/** A daemon that was told to stop lets go of its lock last: who comes next waits that long for it. */
const PATIENCE_MS = 1_000;

/** A held lock. It is also let go of when the process dies, however it dies. */
export interface FolderLock extends Disposable {
  readonly path: string;
}

/**
 * Takes the lock that makes one daemon the owner of the state; undefined while another process holds it.
 *
 * Node offers no flock(2), SQLite does (https://sqlite.org/lockingv3.html): an exclusive transaction on an empty
 * database is a lock that the kernel drops with its holder.
 */
export function tryLock(path: string): FolderLock | undefined {
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;`);
  } catch {
    database.close();
    return undefined;
  }
  return { path, [Symbol.dispose]: () => database.close() };
}
