import { link, newDirectory, PLAIN_DIRECTORY, type DirectoryInode, type Inode } from "../../model/file-tree.ts";

/** As many symbolic links as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * What a path leads to inside an image, symbolic links followed as the guest would: never out of the tree.
 * Undefined where it leads nowhere.
 *
 * @param path from the image's root, plain ASCII.
 */
export function lookup(root: DirectoryInode, path: string): Inode | undefined {
  const todo = components(path).toReversed();
  const trail: DirectoryInode[] = [root];
  let links = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "..") {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const found = trail.at(-1)?.entries.get(name);
    if (found === undefined) return undefined;
    if (found.type === "symlink") {
      links += 1;
      if (links > MAX_LINKS) return undefined;
      if (found.target.startsWith("/")) trail.splice(1);
      todo.push(...components(found.target).toReversed());
    } else if (found.type === "directory") trail.push(found);
    else return todo.length === 0 ? found : undefined;
  }
  return trail.at(-1);
}

/**
 * The folder at a path, made with its parents where it is missing. What stands in the way and is no folder gives way.
 */
export function makeDirectory(root: DirectoryInode, path: string): DirectoryInode {
  let at = "";
  let folder = root;
  for (const name of components(path)) {
    at = `${at}/${name}`;
    const found = lookup(root, at);
    if (found?.type === "directory") {
      folder = found;
      continue;
    }
    const made = newDirectory(PLAIN_DIRECTORY);
    link(folder, name, made);
    folder = made;
  }
  return folder;
}

function components(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
