import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  newDirectory,
  newFile,
  newRoot,
  PLAIN_DIRECTORY,
  type DirectoryInode,
  type Inode,
} from "../model/file-tree.ts";
import { change, LayerModel, layerStack, possibleLayers, type Change } from "../../test/helpers/layer-model.ts";
import { LayerTree } from "./layer-tree.ts";

function applyToTree(root: DirectoryInode, index: number, layer: readonly Change[]): void {
  const tree = new LayerTree(root, index);
  for (const change of layer) {
    const names = change.path === "" ? [] : change.path.split("/");
    if (change.kind === "file")
      tree.put(names, newFile({ ...PLAIN_DIRECTORY, mode: 0o644 }, change.content, undefined), change.path);
    if (change.kind === "directory") tree.putDirectory(names, { ...PLAIN_DIRECTORY, mode: change.mode }, change.path);
    if (change.kind === "link") tree.putHardLink(names, change.to, change.path);
    if (change.kind === "whiteout") tree.whiteout(names.slice(0, -1), names.at(-1) ?? "", change.path);
    if (change.kind === "opaque") tree.opaque(names, change.path);
  }
}

/** The tree as paths: contents, and which names are one inode. */
function flatten(root: DirectoryInode): {
  entries: Map<string, number | "directory">;
  groups: string[][];
  links: Map<string, number>;
} {
  const entries = new Map<string, number | "directory">();
  const names = new Map<Inode, string[]>();
  const open: [string, DirectoryInode][] = [["", root]];
  for (const [prefix, directory] of open) {
    for (const [name, inode] of directory.entries) {
      const path = prefix + name;
      entries.set(path, inode.type === "file" ? inode.size : "directory");
      names.set(inode, [...(names.get(inode) ?? []), path]);
      if (inode.type === "directory") open.push([`${path}/`, inode]);
    }
  }
  const links = new Map([...names].flatMap(([inode, paths]) => paths.map((path) => [path, inode.links] as const)));
  return { entries, groups: [...names.values()].map((paths) => paths.sort()), links };
}

test("random stacks of layers give what the specification says", () => {
  fc.assert(
    fc.property(layerStack, (layers) => {
      const root = newRoot();
      const model = new LayerModel();
      for (const [index, layer] of layers.entries()) {
        // The lowest layer has nothing to hide: there, whiteouts mean nothing in either.
        applyToTree(root, index, layer);
        model.apply(layer);
        const found = flatten(root);
        assert.deepEqual(found.entries, model.entries);
        for (const group of found.groups) {
          const inodes = new Set(group.map((path) => model.inodes.get(path)));
          assert.equal(inodes.size, 1, group.join(" "));
          for (const path of group) assert.equal(found.links.get(path), group.length, path);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test("the order of whiteouts among the entries of their layer does not matter for what is there", () => {
  const stack = fc
    .tuple(fc.array(change, { maxLength: 10 }), fc.array(change, { maxLength: 8 }))
    .map((layers) => possibleLayers(layers));
  fc.assert(
    fc.property(stack, ([lower = [], upper = []]) => {
      const isWhiteout = ({ kind }: Change): boolean => kind === "whiteout" || kind === "opaque";
      const first = [...upper.filter((c) => isWhiteout(c)), ...upper.filter((c) => !isWhiteout(c))];
      const shapes = [upper, first].map((layer) => {
        const root = newRoot();
        applyToTree(root, 0, lower);
        applyToTree(root, 1, layer);
        return flatten(root).entries;
      });
      assert.deepEqual(shapes[0], shapes[1]);
    }),
    { numRuns: 1000 },
  );
});

test("a directory that nobody describes is plain", () => {
  const root = newRoot();
  new LayerTree(root, 0).put(["a", "b"], newDirectory({ ...PLAIN_DIRECTORY, mode: 0o700 }), "a/b");
  const made = root.entries.get("a");
  assert.deepEqual([made?.mode, made?.uid, made?.mtimeSeconds, made?.links], [0o755, 0, 0, 1]);
});
