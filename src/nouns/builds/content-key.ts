import type { Image } from "../../model/image.ts";

/**
 * What an image's content is known by: the same key, the same files in it. What was built goes by how it was built, what
 * was pulled by its manifest, though it be another banger's build, what was registered by its file's digest or, where nobody has read it all, by what stat(2)
 * says of it. The agent that banger put in belongs to it.
 */
export function contentKey(image: Image): string {
  const { history, packedFrom, digest, rootfs, files, agentDigest } = image;
  const content =
    packedFrom === undefined
      ? (builtKey(image) ?? digest ?? rootfs.sha256 ?? JSON.stringify(files.find(({ path }) => path === rootfs.path)))
      : // Its digest has been checked; its history is its maker's word, but for what was done to it here.
        `${digest ?? ""} ${history.at(-1)?.key ?? ""}`;
  return `${content} ${rootfs.uuid} ${agentDigest ?? "no agent"}`;
}

/**
 * The key of what was done to an image last, if that was done here: another banger's word on its own work could name the
 * key of any build, and be taken for it.
 */
export function builtKey({ history, packedFrom }: Pick<Image, "history" | "packedFrom">): string | undefined {
  return packedFrom === undefined ? history.at(-1)?.key : undefined;
}
