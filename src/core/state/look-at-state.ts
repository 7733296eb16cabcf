import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { isId } from "../../lib/ids.ts";
import { namesIn } from "../../lib/names-in.ts";
import { readRegularFile } from "../../lib/read-regular.ts";
import { describedFolders, instanceFile, instanceFolders, type Layout } from "../../model/layout.ts";
import { readDescription } from "../descriptions.ts";
import { peekDatabase, TABLES, type DatabaseSeen, type Table } from "../../store/peek-database.ts";

/** A folder that a VM, an image or a kernel has. */
export interface ObjectFolder {
  readonly table: Table;
  readonly id: string;
  readonly path: string;
  /** Of what it says of itself; absent where it says nothing that reads. */
  readonly revision?: number;
}

export type FolderName = "state" | "data" | "run";

/** What is there, before anything is opened for writing. */
export interface StateSeen {
  readonly database: DatabaseSeen;
  /** The instance that each folder says it belongs to. */
  readonly instances: Readonly<Record<FolderName, string | undefined>>;
  readonly objects: readonly ObjectFolder[];
  /** VMs that have something in the run folder. */
  readonly runVms: readonly string[];
}

/** Looks at all that tells whose the folders are, and changes nothing. */
export function lookAtState(layout: Layout): StateSeen {
  const folders = instanceFolders(layout);
  return {
    database: peekDatabase(layout.database),
    instances: {
      state: readInstanceFile(folders.state),
      data: readInstanceFile(folders.data),
      run: readInstanceFile(folders.run),
    },
    objects: TABLES.flatMap((table) => objectFolders(layout, table)),
    runVms: namesIn(layout.runDir).filter((name) => /^vm-[0-9a-z]{16}$/.test(name)),
  };
}

/** What a folder says of whose it is; one that is damaged says nothing. */
function readInstanceFile(folder: string): string | undefined {
  try {
    const text = readRegularFile(instanceFile(folder), 1024).toString("utf8").trim();
    return isId(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Folders of objects by a noun, whether or not anybody knows them. An empty one holds nothing, so it counts for nothing. */
export function objectFolders(layout: Layout, table: Table): readonly ObjectFolder[] {
  const { folder, file } = describedFolders(layout)[table];
  return namesIn(folder).flatMap((id) => {
    const path = join(folder, id);
    if (!isId(id) || !isFolder(path) || namesIn(path).length === 0) return [];
    return [{ table, id, path, ...revisionOf(join(path, file)) }];
  });
}

function revisionOf(path: string): { readonly revision?: number } {
  if (!existsSync(path)) return {};
  try {
    return { revision: readDescription(path).revision };
  } catch {
    return {};
  }
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}
