import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { BangerError } from "../../src/lib/errors.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { parseImageConfig } from "../../src/oci/manifest/image-config.ts";
import { ImportBudget } from "../../src/oci/layers/import-budget.ts";
import { LayerHandler } from "../../src/oci/layers/layer-handler.ts";
import { LayerTree } from "../../src/oci/layers/layer-tree.ts";
import { DEFAULT_LIMITS } from "../../src/oci/layers/limits.ts";
import { parseManifest } from "../../src/oci/manifest/manifest.ts";
import { FormatError } from "../../src/formats/format-error.ts";
import { TarReader } from "../../src/formats/tar/tar-reader.ts";
import { base256, TarBuilder } from "../helpers/tar-builder.ts";
import { nodesOf, type TreeNode } from "../helpers/tree-nodes.ts";

/** How long each parser is fuzzed; `BANGER_FUZZ_SECONDS=600` for a night. */
const SECONDS = Number(process.env["BANGER_FUZZ_SECONDS"] ?? 2);
/** The same seed makes the same inputs: `BANGER_FUZZ_SEED` repeats a run that failed. */
const SEED = Number(process.env["BANGER_FUZZ_SEED"] ?? randomInt(2 ** 31));

/** Mulberry32: small, seeded, and good enough to choose mutations. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Runs `attempt` with seed after seed until the time is up; a failure tells which. */
function fuzz(attempt: (random: (below: number) => number) => void): number {
  const end = performance.now() + SECONDS * 1000;
  let rounds = 0;
  for (; performance.now() < end; rounds++) {
    const seed = SEED + rounds;
    try {
      attempt(randomFrom(seed));
    } catch (error) {
      throw new Error(`repeat with BANGER_FUZZ_SEED=${seed}`, { cause: error });
    }
  }
  return rounds;
}

const pick = <T>(random: (below: number) => number, from: readonly T[]): T => from[random(from.length)] as T;

function oldSparse(header: Buffer): void {
  header.write("00000001000\0", 386, "latin1");
  header.write("00000001000\0", 398, "latin1");
  header[482] = 1;
  header.write("00000010000\0", 483, "latin1");
}

const extension = Buffer.alloc(512);
extension.write("00000004000\0", 0, "latin1");
extension.write("00000001000\0", 12, "latin1");

/** One archive with something of everything, for mutations to begin from. */
const SEEDS: readonly Buffer[] = [
  new TarBuilder()
    .dir("./")
    .dir("a/b/c")
    .file("a/f", "content".repeat(100))
    .hardlink("a/g", "a/f")
    .symlink("l", "../a")
    .file("l/x", "x")
    .add({ name: "hard", type: "1", linkname: "a/f", size: 512 })
    .file("a/.wh.f")
    .file("a/.wh..wh..opq")
    .add({ name: "dev", type: "3", devmajor: 1, devminor: 3 })
    .end(),
  new TarBuilder()
    .pax([
      ["path", "long/".repeat(30)],
      ["mtime", "-1.5"],
      ["SCHILY.xattr.user.x", "value"],
      ["LIBARCHIVE.xattr.user.y", "AAEC"],
      ["size", "3"],
    ])
    .add({ name: "x", content: "abc", size: 0 })
    .pax([["comment", "global"]], "g")
    .long("gnu/".repeat(40))
    .long("target/".repeat(20), "K")
    .symlink("x", "x")
    .file("id", "x", { uid: base256(70_000n, 8), mtime: base256(-5n, 12) })
    .end(),
  new TarBuilder()
    .pax([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "sparse"],
      ["GNU.sparse.realsize", "9999"],
    ])
    .file("x", Buffer.concat([Buffer.from("2\n0\n5\n4096\n3\n".padEnd(512, "\0")), Buffer.from("datadata")]))
    .pax([
      ["GNU.sparse.size", "5000"],
      ["GNU.sparse.offset", "100"],
      ["GNU.sparse.numbytes", "4"],
    ])
    .file("y", "data")
    .add({ name: "old", type: "S", format: "gnu", size: 1024, edit: oldSparse })
    .raw(extension)
    .raw(Buffer.alloc(1024, "d"))
    .end(),
];

const NUMBERS = [
  "00000000000\0",
  "77777777777\0",
  "-0000000001\0",
  "           \0",
  "9",
  "\x80\0\0\0\0\0\0\0\0\0\0\x01",
  "\xff".repeat(12),
];
const NAMES = ["..", "/", "", ".", "a/../b", ".wh.", ".wh..wh..opq", ".wh.a", "a", "l", "l/x", "\xff"];

function mutate(random: (below: number) => number): Buffer {
  const archive = Buffer.concat([pick(random, SEEDS), ...(random(4) === 0 ? [pick(random, SEEDS)] : [])]);
  const blocks = archive.length / 512;
  const touched = new Set<number>();
  for (let i = 1 + random(4); i > 0; i--) {
    const block = random(blocks);
    const header = archive.subarray(block * 512, block * 512 + 512);
    touched.add(block);
    switch (random(7)) {
      case 0:
        header[random(512)] = random(256);
        break;
      case 1:
        header.write(
          pick(random, NUMBERS),
          pick(random, [100, 108, 116, 124, 136, 329, 337, 386, 398, 483]),
          12,
          "latin1",
        );
        break;
      case 2:
        header.write(`${pick(random, NAMES)}\0`, pick(random, [0, 157, 345]), "latin1");
        break;
      case 3:
        header.write(
          pick(random, ["0", "1", "2", "3", "5", "6", "7", "S", "x", "g", "L", "K", "\0", "?"]),
          156,
          "latin1",
        );
        break;
      case 4:
        archive.copy(header, 0, random(blocks) * 512, archive.length);
        break;
      case 5:
        header.fill(pick(random, [0, 0x20, 0x30, 0x39, 0xff]), random(512));
        break;
      default:
        header.write(pick(random, ["\n", "=", "99 ", "9007199254740993", "-1", "0,0,0"]), random(500), "latin1");
    }
  }
  // Most mutations would end at the checksum: mend it, so that they get further in.
  if (random(8) !== 0) for (const block of touched) mendChecksum(archive.subarray(block * 512, block * 512 + 512));
  return random(6) === 0 ? archive.subarray(0, random(archive.length)) : archive;
}

function mendChecksum(header: Buffer): void {
  header.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

/** What must hold of a tree whatever it was made from. */
function checkTree(tree: FileTree): void {
  const root = nodesOf(tree);
  const links = new Map<TreeNode, number>([[root, 1]]);
  const open = [root];
  for (const directory of open) {
    for (const [name, inode] of directory.entries) {
      assert.ok(
        name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name) && name.length <= 255,
        JSON.stringify(name),
      );
      assert.ok(!name.startsWith(".wh."), name);
      assert.ok(inode.mode >= 0 && inode.mode <= 0o7777 && inode.uid >= 0 && inode.uid < 2 ** 32);
      assert.ok(
        Number.isSafeInteger(inode.mtimeSeconds) && inode.mtimeNanoseconds >= 0 && inode.mtimeNanoseconds < 1e9,
      );
      links.set(inode, (links.get(inode) ?? 0) + 1);
      if (inode.type === "directory") {
        assert.equal(links.get(inode), 1, "a directory has one name");
        open.push(inode);
      }
    }
  }
  for (const [inode, count] of links) assert.equal(inode.links, count);
}

test(`mutated archives end in a tree or a FormatError (seed ${SEED})`, (t) => {
  let accepted = 0;
  const rounds = fuzz((random) => {
    using tree = new FileTree(tmpdir());
    let bytes = 0;
    let isOpen = false;
    const take = (length: number): undefined => {
      assert.ok(isOpen, "content outside of a file");
      bytes += length;
    };
    const sink = {
      beginFile: (): void => {
        assert.ok(!isOpen);
        isOpen = true;
        bytes = 0;
      },
      write: (chunk: Uint8Array) => take(chunk.length),
      hole: (length: number) => take(length),
      endFile: () => {
        isOpen = false;
        return { size: bytes, extents: [] };
      },
    };
    const limits = { ...DEFAULT_LIMITS, maxContentBytes: 2 ** 40 };
    try {
      for (let layer = 0; layer < 2; layer++) {
        const budget = new ImportBudget(limits);
        const reader = new TarReader(new LayerHandler(new LayerTree(tree, layer, budget), sink, budget));
        const archive = layer === 0 ? pick(random, SEEDS) : mutate(random);
        const step = 1 + random(2000);
        for (let at = 0; at < archive.length; at += step)
          assert.equal(reader.push(archive.subarray(at, at + step)), undefined);
        reader.end();
      }
      accepted += 1;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
    checkTree(tree);
  });
  t.diagnostic(`${rounds} archives, ${accepted} accepted`);
  assert.ok(accepted > 0 && accepted < rounds, "the mutations are too gentle or too rough");
});

const HEX = "0".repeat(64);
const DESCRIPTOR = { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${HEX}`, size: 7 };
const DOCUMENTS: readonly string[] = [
  {
    schemaVersion: 2,
    config: DESCRIPTOR,
    layers: [{ ...DESCRIPTOR, mediaType: "application/vnd.oci.image.layer.v1.tar" }],
  },
  {
    schemaVersion: 2,
    manifests: [{ ...DESCRIPTOR, platform: { os: "linux", architecture: "amd64" }, annotations: { a: "b" } }],
  },
  {
    architecture: "amd64",
    os: "linux",
    config: { Env: ["A=b"], Labels: { a: "b" } },
    rootfs: { type: "layers", diff_ids: [`sha256:${HEX}`] },
    history: [{}],
  },
].map((document) => JSON.stringify(document));
const PIECES = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "null",
  "-1",
  "1e999",
  '"__proto__"',
  "\\u0000",
  "\ud800",
  "true",
  `"sha256:${HEX}"`,
  '"urls":["x"],',
  "99999999999999999999",
];

const VALUES: readonly unknown[] = [null, true, -1, 1e300, "", "x", [], {}, [null], { a: 1 }, "sha256:", 2 ** 53];

/** The document with one of its values, perhaps itself, replaced or left out. */
function replaceValue(random: (below: number) => number, text: string): string {
  const places: [holder: Record<string, unknown>, key: string][] = [[{ "": JSON.parse(text) as unknown }, ""]];
  for (const [holder, key] of places) {
    const value = holder[key];
    if (typeof value !== "object" || value === null) continue;
    for (const name of Object.keys(value)) places.push([value as Record<string, unknown>, name]);
  }
  const [root] = places;
  const [holder, key] = pick(random, places);
  holder[key] = random(8) === 0 ? undefined : pick(random, VALUES);
  return JSON.stringify(root?.[0][""]) ?? "";
}

test(`mutated documents end in an image or a BangerError (seed ${SEED})`, (t) => {
  let accepted = 0;
  const rounds = fuzz((random) => {
    let text = pick(random, DOCUMENTS);
    if (random(2) === 0) text = replaceValue(random, text);
    for (let i = random(4); i > 0; i--) {
      const at = random(text.length);
      text = text.slice(0, at) + pick(random, PIECES) + text.slice(at + random(12));
    }
    const data = Buffer.from(text);
    for (const parse of [
      () => parseManifest(data, undefined),
      () => parseManifest(data, "application/vnd.oci.image.index.v1+json"),
      () => parseImageConfig(data, 1),
    ]) {
      try {
        parse();
        accepted += 1;
      } catch (error) {
        if (!(error instanceof BangerError)) throw error;
      }
    }
  });
  t.diagnostic(`${rounds} documents, ${accepted} accepted`);
  assert.ok(accepted > 0);
});
