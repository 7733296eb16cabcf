import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { smallFiles, tenLayers } from "../../helpers/corpus.ts";
import { debianImage } from "../../helpers/test-images.ts";
import type { Comparison } from "../comparison.ts";
import { timed, timedProgram } from "../timing.ts";

const exec = promisify(execFile);

interface Material {
  readonly layout: string;
  /** The layers of the image, gzip. */
  readonly layers: readonly string[];
  readonly scratch: string;
}

interface Subject {
  readonly name: string;
  /** Makes the image, or finds it in the cache; gives its layout's folder. */
  readonly make: () => Promise<string>;
}

/** A Debian with systemd: 70 MB of gzip. */
const DEBIAN: Subject = {
  name: "import of a Debian 12 image",
  make: async () => (await debianImage("bookworm")).replace(/^oci:/, ""),
};
const SMALL_FILES: Subject = { name: "import of 200,000 small files", make: () => smallFiles(200_000) };
const TEN_LAYERS: Subject = { name: "import of ten layers of 17 MB", make: tenLayers };

/** `banger image pull oci:DIR`, beside another way to go over the same bytes. */
function importBeside(
  { name, make }: Subject,
  besideName: string,
  aim: number,
  beside: (material: Material) => Promise<number>,
): Comparison {
  return {
    name,
    unit: "s",
    besideName,
    aim,
    rounds: 5,
    async prepare() {
      const layout = await make();
      const material = {
        layout,
        layers: await layersOf(layout),
        scratch: await mkdtemp(join(tmpdir(), "banger-bench-")),
      };
      const host = await TestHost.start();
      await host.ok(["kernel", "pull", "debian-cloud"]);
      return {
        async ours() {
          const banger = join(ROOT, "build/bin/banger");
          const took = await timedProgram(banger, ["image", "pull", `oci:${layout}`, "--name", "bench"], host.env);
          await host.ok(["image", "delete", "bench"]);
          return took;
        },
        beside: () => beside(material),
        async [Symbol.asyncDispose]() {
          await host[Symbol.asyncDispose]();
          await rm(material.scratch, { recursive: true, force: true });
        },
      };
    },
  };
}

async function layersOf(layout: string): Promise<string[]> {
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: [{ digest: string }] };
  const manifest = JSON.parse(await readFile(blob(index.manifests[0].digest), "utf8")) as {
    layers: { digest: string }[];
  };
  return manifest.layers.map(({ digest }) => blob(digest));
}

/** What any import has to do at least: inflate each byte and hash it. */
const gunzip = ({ layers }: Material): Promise<number> =>
  timedProgram("/bin/sh", ["-c", 'for layer; do gunzip <"$layer" | sha256sum; done', "sh", ...layers]);

export const importBesideGunzip = importBeside(DEBIAN, "gunzip | sha256sum", 1.2, gunzip);
/** Each of these files fills a block: 850 MB must be on the disk at the end, where gunzip and sha256sum write nothing. */
export const smallFilesBesideGunzip = importBeside(SMALL_FILES, "gunzip | sha256sum", 1.2, gunzip);
export const tenLayersBesideGunzip = importBeside(TEN_LAYERS, "gunzip | sha256sum of each", 1.2, gunzip);

/** The usual road: copy, unpack on the host (which needs root), make a file system of the folder. */
export const importBesideUnpacking = importBeside(
  DEBIAN,
  "skopeo copy + umoci unpack + mke2fs -d",
  0.2,
  async ({ layout, scratch }) => {
    const copy = join(scratch, "copy");
    const took = await timed(async () => {
      await exec("skopeo", ["copy", "--insecure-policy", `oci:${layout}:bookworm`, `oci:${copy}:bookworm`]);
      await exec("umoci", ["unpack", "--image", `${copy}:bookworm`, join(scratch, "bundle")]);
      await exec("mke2fs", ["-q", "-t", "ext4", "-d", join(scratch, "bundle/rootfs"), join(scratch, "disk"), "1G"]);
    });
    await rm(scratch, { recursive: true });
    await mkdir(scratch);
    return took;
  },
);

/** The peer that writes ext4 from a tar, too; it takes the tar unpacked, hashes nothing, and waits for no disk. */
const tar2ext4 = async ({ layers, scratch }: Material): Promise<number> => {
  const tool = await buildTar2ext4();
  const script = 'gunzip <"$2" >"$3/tar" && "$1" -i "$3/tar" -o "$3/ext4"';
  const took = await timedProgram("/bin/sh", ["-c", script, "sh", tool, layers[0] ?? "", scratch]);
  await rm(join(scratch, "ext4"));
  return took;
};

export const importBesideTar2ext4 = importBeside(DEBIAN, "gunzip + hcsshim tar2ext4", 1, tar2ext4);
export const smallFilesBesideTar2ext4 = importBeside(SMALL_FILES, "gunzip + hcsshim tar2ext4", 1, tar2ext4);

async function buildTar2ext4(): Promise<string> {
  const tool = join(ROOT, "build/bench/tar2ext4");
  const args = ["build", "-o", tool, "github.com/Microsoft/hcsshim/cmd/tar2ext4"];
  await exec("go", args, { cwd: join(ROOT, "test/bench/peers") });
  return tool;
}
