import type { ByteString } from "../../src/model/byte-string.ts";
import type { FileTree, InodeId } from "../../src/model/file-tree.ts";
import type { DirectoryInode, Inode } from "../../src/model/inode.ts";

interface Known {
  readonly id: InodeId;
  readonly links: number;
}

export type DirectoryNode = DirectoryInode & Known & { readonly entries: Map<ByteString, TreeNode> };
export type TreeNode = DirectoryNode | (Exclude<Inode, DirectoryInode> & Known);

/** All of a tree as objects that may be looked at: hard links are entries that hold the same one. */
export function nodesOf(tree: FileTree): DirectoryNode {
  const nodes = new Map<InodeId, TreeNode>();
  const nodeOf = (id: InodeId): TreeNode => {
    const known = nodes.get(id);
    if (known !== undefined) return known;
    const inode = tree.read(id);
    const own = { id, links: tree.linksOf(id) };
    const node = inode.type === "directory" ? { ...inode, ...own, entries: new Map() } : { ...inode, ...own };
    nodes.set(id, node);
    return node;
  };
  const root = nodeOf(tree.root) as DirectoryNode;
  const open = [root];
  for (const directory of open) {
    for (const entry of tree.entriesOf(directory.id)) {
      const child = nodeOf(tree.inodeOf(entry));
      directory.entries.set(tree.nameOf(entry), child);
      if (child.type === "directory") open.push(child);
    }
  }
  return root;
}
