import type { Image } from "../../model/image.ts";

/**
 * What an image's content is known by: the same key, the same files in it. What was built goes by how it was built, what
 * was pulled by its manifest, what was registered by its file's digest or, where nobody has read it all, by what stat(2)
 * says of it. The agent that banger put in belongs to it.
 */
export function contentKey(image: Image): string {
  const { history, digest, rootfs, files, agentDigest } = image;
  const content =
    history.at(-1)?.key ?? digest ?? rootfs.sha256 ?? JSON.stringify(files.find(({ path }) => path === rootfs.path));
  return `${content} ${rootfs.uuid} ${agentDigest ?? "no agent"}`;
}
