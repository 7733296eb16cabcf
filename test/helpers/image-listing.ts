import { createHash } from "node:crypto";
import { openExt4 } from "../../src/ext4/reader/ext4-image.ts";
import type { Listing } from "./tree-listing.ts";

/** Lists an image by our own reader, as comparable text: no root, no mount. */
export async function listImage(path: string): Promise<Listing> {
  await using image = await openExt4(path);
  const listing: Listing = new Map();
  const firstPath = new Map<number, string>();
  const add = async (name: string, stat: Awaited<ReturnType<typeof image.root>>): Promise<void> => {
    if (!firstPath.has(stat.ino)) firstPath.set(stat.ino, name);
    const hash = createHash("sha256");
    if (stat.type === "file") for await (const chunk of image.read(stat)) hash.update(chunk);
    const isDevice = stat.type === "char" || stat.type === "block";
    listing.set(name, {
      type: stat.type,
      mode: stat.mode.toString(8),
      owner: `${stat.uid}:${stat.gid}`,
      mtime: `${BigInt(stat.mtimeSeconds) * 1_000_000_000n + BigInt(stat.mtimeNanoseconds)}`,
      links: stat.type === "directory" ? 0 : stat.links,
      device: isDevice ? `${stat.major}:${stat.minor}` : "",
      target: stat.type === "symlink" ? await image.readLink(stat) : "",
      xattrs: [...(await image.xattrs(stat))]
        .map(([key, value]) => `${key}=${value.toString("hex")}`)
        .sort()
        .join(" "),
      sha256: stat.type === "file" ? hash.digest("hex") : "",
      sameAs: stat.type === "directory" ? name : (firstPath.get(stat.ino) ?? ""),
    });
  };
  await add("", await image.root());
  for await (const { path: name, stat } of image.walk()) await add(name.slice(1), stat);
  return listing;
}
