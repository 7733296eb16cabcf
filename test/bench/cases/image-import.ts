import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { debianImage } from "../../helpers/test-images.ts";
import type { Comparison } from "../comparison.ts";
import { timed, timedProgram } from "../timing.ts";

const exec = promisify(execFile);

interface Material {
  readonly layout: string;
  /** The one layer of the image, gzip. */
  readonly layer: string;
  readonly scratch: string;
}

/** `banger image pull oci:DIR` of a Debian with systemd (70 MB of gzip), beside another way to go over the same bytes. */
function importBeside(besideName: string, aim: number, beside: (material: Material) => Promise<number>): Comparison {
  return {
    name: "import of a Debian 12 image",
    unit: "s",
    besideName,
    aim,
    rounds: 5,
    async prepare() {
      const layout = (await debianImage("bookworm")).replace(/^oci:/, "");
      const material = {
        layout,
        layer: await onlyLayer(layout),
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

async function onlyLayer(layout: string): Promise<string> {
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: [{ digest: string }] };
  const manifest = JSON.parse(await readFile(blob(index.manifests[0].digest), "utf8")) as {
    layers: [{ digest: string }];
  };
  return blob(manifest.layers[0].digest);
}

/** What any import has to do at least: inflate each byte and hash it. */
export const importBesideGunzip = importBeside("gunzip | sha256sum", 1.2, ({ layer }) =>
  timedProgram("/bin/sh", ["-c", 'gunzip <"$1" | sha256sum', "sh", layer]),
);

/** The usual road: copy, unpack on the host (which needs root), make a file system of the folder. */
export const importBesideUnpacking = importBeside(
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

/** The peer that writes ext4 from a tar, too; it takes the tar unpacked, and hashes nothing. */
export const importBesideTar2ext4 = importBeside("gunzip + hcsshim tar2ext4", 1, async ({ layer, scratch }) => {
  const tool = await tar2ext4();
  const script = 'gunzip <"$2" >"$3/tar" && "$1" -i "$3/tar" -o "$3/ext4"';
  const took = await timedProgram("/bin/sh", ["-c", script, "sh", tool, layer, scratch]);
  await rm(join(scratch, "ext4"));
  return took;
});

async function tar2ext4(): Promise<string> {
  const tool = join(ROOT, "build/bench/tar2ext4");
  const args = ["build", "-o", tool, "github.com/Microsoft/hcsshim/cmd/tar2ext4"];
  await exec("go", args, { cwd: join(ROOT, "test/bench/peers") });
  return tool;
}
