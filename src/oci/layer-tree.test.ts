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
import { LayerTree } from "./layer-tree.ts";

type Change =
  | { readonly kind: "file"; readonly path: string; readonly content: number }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly to: string }
  | { readonly kind: "whiteout"; readonly path: string }
  | { readonly kind: "opaque"; readonly path: string };

/** A layer as the specification tells of it, over plain maps: first what is hidden, then what is written. */
class Model {
  /** By path; a number is a file's content. */
  entries = new Map<string, number | "directory">();
  inodes = new Map<string, number>();
  #next = 0;

  apply(layer: readonly Change[]): void {
    for (const change of layer) {
      if (change.kind === "whiteout") this.#remove(change.path);
      if (change.kind === "opaque") for (const path of this.#below(change.path)) this.#drop(path);
    }
    for (const change of layer) {
      if (change.kind === "file") this.#write(change.path, change.content, this.#next++);
      if (change.kind === "directory") {
        if (this.entries.get(change.path) !== "directory") this.#write(change.path, "directory", this.#next++);
      }
      if (change.kind === "link") {
        const content = this.entries.get(change.to);
        const inode = this.inodes.get(change.to);
        if (content !== undefined && content !== "directory" && inode !== undefined)
          this.#write(change.path, content, inode);
      }
    }
  }

  /** Whether the tree can take the change at this point: links need a file, paths need directories. */
  #write(path: string, content: number | "directory", inode: number): void {
    this.#remove(path);
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) {
      const parent = parts.slice(0, i).join("/");
      if (!this.entries.has(parent)) {
        this.entries.set(parent, "directory");
        this.inodes.set(parent, this.#next++);
      }
    }
    this.entries.set(path, content);
    this.inodes.set(path, inode);
  }

  #below(path: string): string[] {
    return [...this.entries.keys()].filter((other) => path === "" || other.startsWith(`${path}/`));
  }

  #remove(path: string): void {
    for (const other of [path, ...this.#below(path)]) this.#drop(other);
  }

  #drop(path: string): void {
    this.entries.delete(path);
    this.inodes.delete(path);
  }
}

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

const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("file" as const), path, content: fc.nat(1000) }),
  fc.record({ kind: fc.constant("directory" as const), path, mode: fc.constantFrom(0o700, 0o755) }),
  fc.record({ kind: fc.constant("link" as const), path, to: path }),
  fc.record({ kind: fc.constant("whiteout" as const), path }),
  fc.record({ kind: fc.constant("opaque" as const), path: fc.oneof(path, fc.constant("")) }),
);

/** Keeps the changes that a builder could have written: no file as a parent, no link to nothing, to itself or to a directory. */
function possible(layers: readonly (readonly Change[])[]): Change[][] {
  const model = new Model();
  return layers.map((layer) => {
    const kept: Change[] = [];
    const hidden = layer.filter(({ kind }) => kind === "whiteout" || kind === "opaque");
    const trial = new Model();
    trial.entries = new Map(model.entries);
    trial.inodes = new Map(model.inodes);
    trial.apply(hidden);
    for (const change of layer) {
      if (hidden.includes(change)) {
        kept.push(change);
        continue;
      }
      const parts = change.path.split("/");
      const parents = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
      if (
        parents.some(
          (parent) => typeof trial.entries.get(parent) === "number" || typeof model.entries.get(parent) === "number",
        )
      )
        continue;
      if (change.kind === "link") {
        const target = trial.entries.get(change.to);
        if (
          target === undefined ||
          target === "directory" ||
          change.to === change.path ||
          change.to.startsWith(`${change.path}/`)
        )
          continue;
      }
      kept.push(change);
      trial.apply([change]);
    }
    model.apply(kept);
    return kept;
  });
}

test("random stacks of layers give what the specification says", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(change, { maxLength: 12 }), { minLength: 1, maxLength: 5 }).map(possible),
      (layers) => {
        const root = newRoot();
        const model = new Model();
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
      },
    ),
    { numRuns: 3000 },
  );
});

test("the order of whiteouts among the entries of their layer does not matter for what is there", () => {
  const stack = fc
    .tuple(fc.array(change, { maxLength: 10 }), fc.array(change, { maxLength: 8 }))
    .map((layers) => possible(layers));
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
