import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { run } from "../../src/lib/process.ts";
import { ROOT } from "./test-host.ts";
import { CACHE } from "./test-images.ts";
import { sha256 } from "./test-layout.ts";
import { listFolder, unpackWithUmoci, type Listing } from "./tree-listing.ts";

/** What a directory's time is called where umoci left the time of unpacking on it: nobody described it. */
export const TIME_OF_UNPACKING = "when it was unpacked";

/**
 * The tree that umoci unpacks, as root, of a layout's image. Kept in the cache by the image, by umoci's version and by the
 * code that lists it: an unpacked desktop is 30 seconds' work.
 */
export async function umociListing(layout: string): Promise<Listing> {
  const code = await readFile(join(ROOT, "test/helpers/tree-listing.ts"));
  const index = await readFile(join(layout, "index.json"));
  const version = (await run("umoci", ["--version"])).stdout;
  const key = sha256(Buffer.concat([code, index, Buffer.from(version)])).slice(7, 27);
  const file = join(CACHE, "corpus", `umoci-${key}.json.gz`);
  const known = await readFile(file).catch(() => undefined);
  if (known !== undefined) return new Map(JSON.parse(gunzipSync(known).toString()) as [string, never][]);

  const listing = await unpackAndList(layout);
  await mkdir(join(CACHE, "corpus"), { recursive: true });
  const work = `${file}.${process.pid}`;
  await writeFile(work, gzipSync(JSON.stringify([...listing]), { level: 1 }));
  await rename(work, file);
  return listing;
}

async function unpackAndList(layout: string): Promise<Listing> {
  const began = BigInt(Date.now() - 1000) * 1_000_000n;
  const folder = await mkdtemp(join(tmpdir(), "banger-umoci-"));
  try {
    const listing = await listFolder(await unpackWithUmoci(await tagged(layout), join(folder, "bundle")));
    for (const [path, entry] of listing) {
      if (entry.type !== "directory" || BigInt(entry.mtime) < began) continue;
      listing.set(path, { ...entry, mtime: TIME_OF_UNPACKING });
    }
    return listing;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The layout with the tag of the image that it holds: umoci takes `latest` otherwise. */
async function tagged(layout: string): Promise<string> {
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
    manifests: { annotations?: Record<string, string> }[];
  };
  return `${layout}:${index.manifests[0]?.annotations?.["org.opencontainers.image.ref.name"] ?? "latest"}`;
}
