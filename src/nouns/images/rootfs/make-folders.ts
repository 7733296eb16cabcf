import type { FileTree } from "../../../model/file-tree.ts";
import { PLAIN_DIRECTORY } from "../../../model/inode.ts";
import { lookup } from "../inspect/tree-path.ts";

/** More than any image declares; what is past them is left to whoever needs it. */
const MAX_FOLDERS = 256;
const MAX_DEPTH = 64;
const MAX_NAME_BYTES = 255;

/**
 * Makes the folders that an image's config names, its volumes and where its commands begin, with their parents, where they are missing: of root, and
 * mode 0755, as container engines make them. One that is there keeps its owner and all that is in it. Where something
 * else stands in the way nothing is done: it is the image's own, and the config only names a path.
 */
export function makeFolders(tree: FileTree, paths: readonly string[]): void {
  for (const path of paths.slice(0, MAX_FOLDERS)) makeFolder(tree, path);
}

function makeFolder(tree: FileTree, path: string): void {
  const names = Buffer.from(path, "utf8")
    .toString("latin1")
    .split("/")
    .filter((name) => name !== "" && name !== ".");
  const isPath = path.startsWith("/") && names.length <= MAX_DEPTH;
  if (!isPath || names.some((name) => name === ".." || name.includes("\0") || name.length > MAX_NAME_BYTES)) return;
  let folder = tree.root;
  for (const [index, name] of names.entries()) {
    const found = lookup(tree, `/${names.slice(0, index + 1).join("/")}`);
    if (found !== undefined && tree.typeOf(found) === "directory") {
      folder = found;
      continue;
    }
    // A file, or a link that leads nowhere.
    if (found !== undefined || tree.lookup(folder, name) !== undefined) return;
    folder = tree.inodeOf(tree.add(folder, name, PLAIN_DIRECTORY));
  }
}
