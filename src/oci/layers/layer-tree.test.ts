import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { FileTree, type InodeId } from "../../model/file-tree.ts";
import { PLAIN_ATTRIBUTES, PLAIN_DIRECTORY } from "../../model/inode.ts";
import { change, LayerModel, layerStack, possibleLayers, type Change } from "../../../test/helpers/layer-model.ts";
import { entryNames } from "../../formats/tar/entry-names.ts";
import { EntryPathReader } from "./entry-path.ts";
import { ImportBudget } from "./import-budget.ts";
import { LayerTree } from "./layer-tree.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const budget = (limits = {}): ImportBudget => new ImportBudget({ ...DEFAULT_LIMITS, ...limits });

function applyToTree(tree: FileTree, index: number, layer: readonly Change[]): void {
  const layerTree = new LayerTree(tree, index, budget());
  const paths = new EntryPathReader();
  for (const change of layer) {
    const at = paths.read(change.path);
    if (change.kind === "file") {
      const file = { type: "file", ...PLAIN_ATTRIBUTES, mode: 0o644, size: change.content, extents: [] } as const;
      layerTree.put(at, file);
    }
    if (change.kind === "directory") {
      layerTree.putDirectory(at, { ...PLAIN_ATTRIBUTES, mode: change.mode });
    }
    if (change.kind === "link") layerTree.putHardLink(at, change.to);
    if (change.kind === "whiteout") layerTree.whiteout(at);
    if (change.kind === "opaque") layerTree.opaque(entryNames(change.path), change.path);
  }
}

/** The tree as paths: contents, and which names are one inode. */
function flatten(tree: FileTree): {
  entries: Map<string, number | "directory">;
  groups: string[][];
  links: Map<string, number>;
} {
  const entries = new Map<string, number | "directory">();
  const names = new Map<InodeId, string[]>();
  const open: [string, InodeId][] = [["", tree.root]];
  for (const [prefix, directory] of open) {
    for (const entry of tree.entriesOf(directory)) {
      const path = prefix + tree.nameOf(entry);
      const id = tree.inodeOf(entry);
      const inode = tree.read(id);
      entries.set(path, inode.type === "file" ? inode.size : "directory");
      names.set(id, [...(names.get(id) ?? []), path]);
      if (inode.type === "directory") open.push([`${path}/`, id]);
    }
  }
  const links = new Map([...names].flatMap(([id, paths]) => paths.map((path) => [path, tree.linksOf(id)] as const)));
  return { entries, groups: [...names.values()].map((paths) => paths.sort()), links };
}

test("random stacks of layers give what the specification says", () => {
  fc.assert(
    fc.property(layerStack, (layers) => {
      using tree = new FileTree(tmpdir());
      const model = new LayerModel();
      for (const [index, layer] of layers.entries()) {
        // The lowest layer has nothing to hide: there, whiteouts mean nothing in either.
        applyToTree(tree, index, layer);
        model.apply(layer);
        const found = flatten(tree);
        assert.deepEqual(found.entries, model.entries);
        for (const group of found.groups) {
          const inodes = new Set(group.map((path) => model.inodes.get(path)));
          assert.equal(inodes.size, 1, group.join(" "));
          for (const path of group) assert.equal(found.links.get(path), group.length, path);
        }
      }
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 500) },
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
        using tree = new FileTree(tmpdir());
        applyToTree(tree, 0, lower);
        applyToTree(tree, 1, layer);
        return flatten(tree).entries;
      });
      assert.deepEqual(shapes[0], shapes[1]);
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
  );
});

test("a directory that nobody describes is plain, and is counted", () => {
  using tree = new FileTree(tmpdir());
  const counted = budget({ maxEntries: 1 });
  const layer = new LayerTree(tree, 0, counted);
  const paths = new EntryPathReader();
  layer.put(paths.read("a/b"), { ...PLAIN_DIRECTORY, mode: 0o700 });
  const made = tree.read(tree.lookup(tree.root, "a") ?? -1);
  assert.deepEqual([made.type, made.mode, made.uid, made.mtimeSeconds], ["directory", 0o755, 0, 0]);
  assert.throws(() => layer.put(paths.read("c/d"), PLAIN_DIRECTORY), /more than 1 entries/);
});
