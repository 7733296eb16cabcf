import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { BangerError, hasErrno } from "../../lib/errors.ts";

/** @throws BangerError `FILE_UNREADABLE` when there is no log. */
export async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    throw new BangerError("FILE_UNREADABLE", {
      what: "the daemon has no log yet",
      why: `there is no ${path}`,
      fix: "start the daemon with `banger daemon start`",
      cause: error,
    });
  }
}

/** Calls back whenever the file has changed. */
export function watchFile(path: string, onChange: () => void): { readonly events: FSWatcher } & Disposable {
  const events = watch(path, onChange);
  return { events, [Symbol.dispose]: () => events.close() };
}
