import type { FileTree, InodeId } from "../../../model/file-tree.ts";
import { PLAIN_DIRECTORY } from "../../../model/inode.ts";

/** As many symbolic links as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * What a path leads to inside an image, symbolic links followed as the guest would: never out of the tree.
 * Undefined where it leads nowhere.
 *
 * @param path from the image's root, plain ASCII.
 */
export function lookup(tree: FileTree, path: string): InodeId | undefined {
  const todo = components(path).toReversed();
  const trail = [tree.root];
  let links = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "..") {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const found = tree.lookup(trail.at(-1) ?? tree.root, name);
    if (found === undefined) return undefined;
    const inode = tree.read(found);
    if (inode.type === "symlink") {
      links += 1;
      if (links > MAX_LINKS) return undefined;
      if (inode.target.startsWith("/")) trail.splice(1);
      todo.push(...components(inode.target).toReversed());
    } else if (inode.type === "directory") trail.push(found);
    else return todo.length === 0 ? found : undefined;
  }
  return trail.at(-1);
}

/**
 * The folder at a path, made with its parents where it is missing. What stands in the way and is no folder gives way.
 */
export function makeDirectory(tree: FileTree, path: string): InodeId {
  let at = "";
  let folder = tree.root;
  for (const name of components(path)) {
    at = `${at}/${name}`;
    const found = lookup(tree, at);
    const isFolder = found !== undefined && tree.typeOf(found) === "directory";
    folder = isFolder ? found : tree.inodeOf(tree.add(folder, name, PLAIN_DIRECTORY));
  }
  return folder;
}

function components(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
