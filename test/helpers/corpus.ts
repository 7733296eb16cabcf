import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";
import { DEFAULT_LIMITS } from "../../src/oci/layers/limits.ts";
import { layersWithEveryWhiteout } from "./corpus-layers.ts";
import { busyboxImage, CACHE, debianImage } from "./test-images.ts";
import { ROOT } from "./test-host.ts";
import { sha256, TestLayout, type TestLayer } from "./test-layout.ts";
import { TarBuilder } from "./tar-builder.ts";

const exec = promisify(execFile);

/** An image that an import is judged by. */
export interface CorpusMember {
  readonly name: string;
  /** Its layout's folder, and what removes it unless it is kept in the cache. */
  readonly make: () => Promise<{ readonly folder: string } & AsyncDisposable>;
}

/** A desktop, and what is odd: setuid and setgid, capabilities, hard links, alternatives, a compiler's headers. */
const DESKTOP = [
  "xfce4 xfce4-terminal gimp vim-gtk3 man-db tzdata python3 build-essential git acl libcap2-bin",
  "sudo iputils-ping mtr-tiny wireshark-common fuse3 openssh-client openssh-server",
].flatMap((packages) => packages.split(" "));

export const SMALL_FILES = 200_000;
const SPARSE_BYTES = 6 * 1024 ** 3;

export const CORPUS: readonly CorpusMember[] = [
  { name: "Debian 12", make: () => kept(debianImage("bookworm")) },
  { name: "Debian 13", make: () => kept(debianImage("trixie")) },
  { name: "Debian with a desktop's worth of packages", make: () => kept(debianImage("bookworm", DESKTOP)) },
  { name: "busybox on scratch", make: busyboxImage },
  { name: "60 layers with every kind of whiteout", make: () => TestLayout.make(layersWithEveryWhiteout()) },
  { name: "no shell, in the manner of distroless", make: distroless },
  { name: `${SMALL_FILES} small files`, make: () => kept(smallFiles(SMALL_FILES)) },
  { name: "a sparse file of 6 GiB", make: () => kept(sparseFile()) },
];

async function kept(folder: Promise<string>): Promise<{ folder: string } & AsyncDisposable> {
  return { folder: (await folder).replace(/^oci:/, ""), [Symbol.asyncDispose]: async () => {} };
}

/** A program without a shell to start it, with what such images have besides: users, certificates, time zones. */
async function distroless(): Promise<TestLayout> {
  const at = { mtime: 0, uid: 0, gid: 0 };
  const base = new TarBuilder()
    .dir("./", at)
    .dir("./etc/", at)
    .file(
      "./etc/passwd",
      "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n",
      at,
    )
    .file("./etc/group", "root:x:0:\nnonroot:x:65532:\n", at)
    .symlink("./etc/os-release", "../usr/lib/os-release", at)
    .file("./usr/lib/os-release", 'ID=debian\nPRETTY_NAME="Distroless"\n', at)
    .dir("./tmp/", { ...at, mode: 0o1777 })
    .dir("./root/", { ...at, mode: 0o700 })
    .dir("./home/nonroot/", { ...at, mode: 0o700, uid: 65532, gid: 65532 });
  const certificates = new TarBuilder()
    .file("./etc/ssl/certs/ca-certificates.crt", await readFile("/etc/ssl/certs/ca-certificates.crt"), at)
    .file("./usr/share/zoneinfo/UTC", await readFile("/usr/share/zoneinfo/UTC"), at)
    .hardlink("./usr/share/zoneinfo/Zulu", "./usr/share/zoneinfo/UTC", at);
  const program = new TarBuilder().file("app/server", await readFile(join(ROOT, "build/bin/banger-vsock-agent")), {
    mode: 0o755,
    uid: 65532,
  });
  const layers = [base, certificates, program].map((tar) => ({ tar: tar.end(), compression: "gzip" as const }));
  return TestLayout.make(layers, { config: { config: { User: "65532", Entrypoint: ["/app/server"] } } });
}

/** So many files of 20 to 100 bytes, each with an owner and a time of its own, in as many layers. */
export async function smallFiles(count: number, layers = 1): Promise<string> {
  const each = count / layers;
  const layerFrom = (start: number) =>
    async function* (): AsyncGenerator<Buffer> {
      for (let from = start; from < start + each; from += 500) {
        const folder = `srv/data-${from / 500}`;
        const tar = new TarBuilder().dir(folder, { mtime: 1_600_000_000 });
        for (let i = from; i < Math.min(start + each, from + 500); i += 1) {
          const more = { mtime: 1_700_000_000 + i, uid: i % 1000, gid: i % 7, mode: 0o600 + (i % 64) };
          tar.file(`${folder}/file-${i}.txt`, `content of file ${i}\n`.repeat(1 + (i % 5)), more);
        }
        yield tar.cut();
      }
      yield Buffer.alloc(1024);
    };
  const all = Array.from({ length: layers }, (_, i) => layerFrom(i * each));
  return cached(`small-files-${count}-in-${layers}`, all);
}

/** As many names as an image may have, and as long: empty files, 500 to a folder. */
export async function mostNames(): Promise<string> {
  const { maxEntries, maxNameBytes } = DEFAULT_LIMITS;
  const length = Math.floor(maxNameBytes / maxEntries);
  const layer = async function* (): AsyncGenerator<Buffer> {
    for (let from = 0; from < maxEntries; from += 500) {
      const tar = new TarBuilder().dir(`${from}`);
      for (let i = from + 1; i < from + 500; i += 1) tar.file(`${from}/${String(i).padEnd(length, "-")}`);
      yield tar.cut();
    }
    yield Buffer.alloc(1024);
  };
  return cached(`most-names-${maxEntries}-of-${length}`, [layer]);
}

/** Ten layers of 850 files of 20 KB, which gzip makes half as large: as much as a Debian, and as hard. */
export async function tenLayers(): Promise<string> {
  const layer = (first: number) =>
    async function* (): AsyncGenerator<Buffer> {
      for (let i = first; i < first + 850; i += 1) {
        const tar = new TarBuilder().file(`opt/part-${first}/file-${i}`, mixed(20_000, i), { mtime: 1_700_000_000 });
        yield tar.cut();
      }
      yield Buffer.alloc(1024);
    };
  return cached(
    "ten-layers",
    Array.from({ length: 10 }, (_, i) => layer(i * 850)),
  );
}

/** Bytes of which each second one is at random, always the same. */
function mixed(length: number, seed: number): Buffer {
  const content = Buffer.alloc(length, "text");
  let state = seed + 1;
  for (let at = 0; at < length; at += 2) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    content[at] = state >>> 24;
  }
  return content;
}

/** A file of 6 GiB of which the archive holds three blocks, in the form that GNU tar writes (PAX, format 1.0). */
async function sparseFile(): Promise<string> {
  const parts = [0, 5 * 1024 ** 3 + 4096, SPARSE_BYTES - 4096];
  const map = `${[parts.length, ...parts.flatMap((at) => [at, 4096])].join("\n")}\n`.padEnd(512, "\0");
  const tar = new TarBuilder()
    .pax([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "sparse"],
      ["GNU.sparse.realsize", String(SPARSE_BYTES)],
    ])
    .file("GNUSparseFile.0/sparse", Buffer.concat([Buffer.from(map), Buffer.alloc(3 * 4096, "data")]), {
      mtime: 1_700_000_000,
      uid: 7,
      gid: 8,
    });
  return cached("sparse-file-6G", [
    async function* () {
      yield tar.end();
    },
  ]);
}

/** An image of these layers, made once and kept by the code that makes it. */
async function cached(name: string, layers: readonly (() => AsyncGenerator<Buffer>)[]): Promise<string> {
  const code = await readFile(join(ROOT, "test/helpers/corpus.ts"));
  const folder = join(CACHE, "corpus", `${name}-${sha256(code).slice(7, 19)}`);
  if ((await stat(folder).catch(() => undefined)) !== undefined) return folder;
  await mkdir(join(CACHE, "corpus"), { recursive: true });
  const work = await mkdtemp(join(CACHE, "corpus", ".making-"));
  try {
    const packed = [];
    for (const [i, pieces] of layers.entries()) packed.push(await pack(pieces(), join(work, `layer-${i}`)));
    await using layout = await TestLayout.make(packed.map(({ layer }) => layer));
    for (const { file, hex } of packed) await exec("mv", [file, join(layout.folder, "blobs/sha256", hex)]);
    await exec("cp", ["-rT", layout.folder, join(work, "layout")]);
    await rename(join(work, "layout"), folder).catch(async (error: unknown) => {
      // Another run may have been quicker: then its image is the one.
      if ((await stat(folder).catch(() => undefined)) === undefined) throw error;
    });
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Packs a layer into a file, piece by piece, and says what a layout has to say of it. */
async function pack(
  pieces: AsyncIterable<Buffer>,
  file: string,
): Promise<{ layer: TestLayer; file: string; hex: string }> {
  const diffId = createHash("sha256");
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      diffId.update(piece);
      yield piece;
    }
  };
  await pipeline(hashed, createGzip({ level: 1 }), createWriteStream(file));
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  const hex = digest.digest("hex");
  const nothing = Buffer.alloc(0);
  const descriptor = { digest: `sha256:${hex}`, size: (await stat(file)).size };
  return {
    layer: { tar: nothing, blob: nothing, compression: "gzip", diffId: `sha256:${diffId.digest("hex")}`, descriptor },
    file,
    hex,
  };
}
