import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree, replaceFile } from "../lib/destroy.ts";
import { syncDirectory } from "../lib/files.ts";
import { ensurePrivateDirectory } from "../lib/private-directory.ts";
import type { Layout } from "../model/layout.ts";
import { faultPoints } from "./faults.ts";

/*
 * How an object's files come to stand in its folder: they are made beside it, under the object's id in the folder for work
 * in progress, and moved to their place whole. All of it is done under an open intent of the object, which names them.
 */

const reach = faultPoints("place", ["staged", "published"]);

/** Makes the folder in which an object's files are made; what an earlier attempt has left in it goes. */
export async function stage({ workDir }: Pick<Layout, "workDir">, id: string): Promise<string> {
  await removeTree(workDir, id, "work of the open intent that names this id, begun anew");
  const work = join(workDir, id);
  await mkdir(work, { recursive: true, mode: 0o700 });
  return work;
}

/**
 * Moves the files that were made for an object to its new folder, for good: a power cut leaves all of them there or none.
 *
 * @param home the folder of all objects of the noun.
 * @returns the object's own.
 */
export async function publish({ workDir }: Pick<Layout, "workDir">, id: string, home: string): Promise<string> {
  reach("staged");
  await ensurePrivateDirectory(home);
  const place = join(home, id);
  await replaceFile(
    join(workDir, id),
    place,
    "work of the open intent that names this id, to the folder of its new id",
  );
  await syncDirectory(home);
  reach("published");
  return place;
}

/** Removes what was made for an object that is not to be, staged or published. Safe to repeat. */
export async function unpublish({ workDir }: Pick<Layout, "workDir">, id: string, home: string): Promise<void> {
  await removeTree(workDir, id, "work of the open intent that names this id, which failed");
  await removeTree(home, id, "the new folder of the open intent that names this id, which failed; it has no row");
}
