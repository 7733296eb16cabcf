import fc from "fast-check";
import { TarBuilder } from "./tar-builder.ts";

/** One entry of a layer. */
export type Change =
  | { readonly kind: "file"; readonly path: string; readonly content: number }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly to: string }
  | { readonly kind: "whiteout"; readonly path: string }
  | { readonly kind: "opaque"; readonly path: string };

/** A stack of layers as the specification tells of it, over plain maps: first what is hidden, then what is written. */
export class LayerModel {
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

const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
/** Names are few, so that changes meet. */
export const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("file" as const), path, content: fc.nat(1000) }),
  fc.record({ kind: fc.constant("directory" as const), path, mode: fc.constantFrom(0o700, 0o755) }),
  fc.record({ kind: fc.constant("link" as const), path, to: path }),
  fc.record({ kind: fc.constant("whiteout" as const), path }),
  fc.record({ kind: fc.constant("opaque" as const), path: fc.oneof(path, fc.constant("")) }),
);

/** Keeps the changes that a builder could have written: no file as a parent, no link to nothing, to itself or to a directory. */
export function possibleLayers(layers: readonly (readonly Change[])[]): Change[][] {
  const model = new LayerModel();
  return layers.map((layer) => {
    const kept: Change[] = [];
    const hidden = layer.filter(({ kind }) => kind === "whiteout" || kind === "opaque");
    const trial = new LayerModel();
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

/** A random stack of layers, lowest first. */
export const layerStack = fc
  .array(fc.array(change, { maxLength: 12 }), { minLength: 1, maxLength: 5 })
  .map(possibleLayers);

/** What a file of content `n` holds. */
export function contentOf(n: number): Buffer {
  return Buffer.alloc(n, "content");
}

/** The layer as an archive. */
export function layerArchive(layer: readonly Change[]): Buffer {
  const tar = new TarBuilder();
  const within = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);
  for (const change of layer) {
    const folder = change.path.slice(0, Math.max(0, change.path.lastIndexOf("/")));
    const name = change.path.slice(change.path.lastIndexOf("/") + 1);
    if (change.kind === "file") tar.file(change.path, contentOf(change.content));
    if (change.kind === "directory") tar.dir(change.path, { mode: change.mode });
    if (change.kind === "link") tar.hardlink(change.path, change.to);
    if (change.kind === "whiteout") tar.file(within(folder, `.wh.${name}`));
    if (change.kind === "opaque") tar.file(within(change.path, ".wh..wh..opq"));
  }
  return tar.end();
}
