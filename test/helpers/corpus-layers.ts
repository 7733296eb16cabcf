import { TarBuilder } from "./tar-builder.ts";

const FOLDERS = 60;

/** What an upper layer does with folder `d` of the base (see {@link base}); `t` is a time of its own. */
const CASES: readonly ((tar: TarBuilder, d: string, t: number) => unknown)[] = [
  (tar, d) => tar.file(`${d}/.wh.a`),
  (tar, d) => tar.file(`${d}/.wh.sub`),
  (tar, d) => tar.file(`${d}/.wh.link`),
  (tar, d) => tar.file(`${d}/.wh.dirlink`),
  // One name of two: the file stays under the other.
  (tar, d) => tar.file(`${d}/.wh.hard`),
  (tar, d) => tar.file(`${d}/.wh.no-such`).file(`${d}/nor/.wh.here`),
  (tar, d) => tar.file(`.wh.${d}`),
  // Opaque, with entries of its own layer on both sides.
  (tar, d, t) =>
    tar
      .dir(d, { mtime: t })
      .file(`${d}/before`, "before", { mtime: t })
      .file(`${d}/.wh..wh..opq`)
      .file(`${d}/after`, "after", { mtime: t }),
  (tar, d, t) => tar.dir(d, { mtime: t }).file(`${d}/.wh..wh..opq`).file(`${d}/a`, "back under its name", { mtime: t }),
  (tar, d) => tar.file(`${d}/sub/.wh..wh..opq`),
  // A whiteout beside a new entry of the same name.
  (tar, d, t) => tar.file(`${d}/.wh.a`).file(`${d}/a`, "new", { mtime: t }),
  (tar, d, t) => tar.file(`${d}/.wh.sub`).dir(`${d}/sub`, { mtime: t }).file(`${d}/sub/new`, "new", { mtime: t }),
  // What replaces what.
  (tar, d, t) => tar.file(`${d}/sub`, "a file in place of a directory", { mtime: t }),
  (tar, d, t) => tar.dir(`${d}/a`, { mtime: t }).file(`${d}/a/in`, "a directory in place of a file", { mtime: t }),
  (tar, d, t) => tar.symlink(`${d}/sub`, "../keep", { mtime: t }),
  (tar, d, t) => tar.file(`${d}/hard`, "no link any more", { mtime: t }),
  (tar, d, t) => tar.hardlink(`${d}/again`, `${d}/a`, { mtime: t }),
  (tar, d, t) => tar.dir(d, { mtime: t, mode: 0o700, uid: 9, gid: 8 }),
  (tar, d, t) => tar.add({ name: `${d}/a`, type: "3", devmajor: 1, devminor: 3, mtime: t }),
  (tar, d, t) => tar.add({ name: `${d}/b`, type: "6", mtime: t }),
];

/**
 * A base of 60 folders, and 59 layers upon it that do to them all that a layer can do: each case to three folders, in
 * three layers, so that what one hides others bring back.
 */
export function layersWithEveryWhiteout(): Buffer[] {
  const layers = [base()];
  for (let layer = 1; layer < FOLDERS; layer += 1) {
    const tar = new TarBuilder();
    const t = 1_710_000_000 + layer * 1000;
    for (let round = 0; round < 3; round += 1) {
      const change = CASES[(layer + round * 7) % CASES.length];
      change?.(tar, `d${(layer * 7 + round * 20) % FOLDERS}`, t + round);
    }
    // Whether what an earlier layer hid comes back whole.
    if (layer % 9 === 0) folder(tar, `d${(layer * 7 + 42) % FOLDERS}`, t + 10);
    tar.file(`log/layer-${layer}`, `${layer}`, { mtime: t });
    if (layer > 10) tar.file(`log/.wh.layer-${layer - 10}`);
    layers.push(tar.end());
  }
  return layers;
}

function base(): Buffer {
  const tar = new TarBuilder().dir("./", { mtime: 1_690_000_000 }).dir("keep", { mtime: 1_690_000_001 });
  tar.file("keep/kept", "kept", { mtime: 1_690_000_002 }).dir("log", { mtime: 1_690_000_003 });
  for (let i = 0; i < FOLDERS; i += 1) folder(tar, `d${i}`, 1_700_000_000 + i * 100);
  return tar.end();
}

function folder(tar: TarBuilder, d: string, t: number): void {
  tar
    .dir(d, { mtime: t })
    .file(`${d}/a`, `a of ${d}`, { mtime: t + 1, mode: 0o640, uid: 3, gid: 4 })
    .file(`${d}/b`, `b of ${d}`, { mtime: t + 2 })
    .hardlink(`${d}/hard`, `${d}/b`, { mtime: t + 2 })
    .symlink(`${d}/link`, "b", { mtime: t + 3 })
    .symlink(`${d}/dirlink`, "sub", { mtime: t + 4 })
    .dir(`${d}/sub`, { mtime: t + 5 })
    .file(`${d}/sub/x`, "x", { mtime: t + 6 })
    .file(`${d}/sub/y`, "y", { mtime: t + 7 });
}
