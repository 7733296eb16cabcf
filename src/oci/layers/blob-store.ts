import { constants, createReadStream } from "node:fs";
import { lstat, mkdir, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../../lib/destroy.ts";
import { hasErrno } from "../../lib/errors.ts";
import { digestAlgorithm, digestHex, finishDigest, startDigest, type Digest } from "../manifest/digest.ts";
import type { Descriptor } from "../manifest/manifest.ts";

/**
 * Blobs by digest in a folder: `sha256/<hex>` is complete and verified, `sha256/<hex>.partial` is on its way.
 * A blob appears by a rename of what has been verified, so that a killed pull leaves nothing that counts.
 */
export class BlobStore {
  readonly folder: string;
  /** Blobs that somebody in this process is fetching; others wait for these instead of fetching them again. */
  readonly #busy = new Map<Digest, Promise<void>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  path(digest: Digest): string {
    return join(this.folder, digestAlgorithm(digest), digestHex(digest));
  }

  partialPath(digest: Digest): string {
    return `${this.path(digest)}.partial`;
  }

  /** Whether the blob is here whole. */
  async has(descriptor: Descriptor): Promise<boolean> {
    try {
      const found = await lstat(this.path(descriptor.digest));
      return found.isFile() && found.size === descriptor.size;
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  /** Reads a blob to its end: whether it still is what its name says. */
  async isIntact(digest: Digest): Promise<boolean> {
    const algorithm = digestAlgorithm(digest);
    const hash = startDigest(algorithm);
    for await (const chunk of createReadStream(this.path(digest))) hash.update(chunk as Buffer);
    return finishDigest(algorithm, hash) === digest;
  }

  async open(digest: Digest): Promise<FileHandle> {
    return open(this.path(digest), "r");
  }

  /** Opens what there is of a blob, or begins one, for reading and writing. */
  async openPartial(digest: Digest): Promise<FileHandle> {
    await mkdir(join(this.folder, digestAlgorithm(digest)), { recursive: true, mode: 0o700 });
    return open(this.partialPath(digest), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  }

  /** Drops a blob, or what has come of it, once nobody is fetching it. Whoever reads it goes on. */
  async delete(digest: Digest): Promise<void> {
    await this.exclusively(digest, async () => {
      await removeFile(this.path(digest), "a layer by its digest, which its caller saw no image hold");
      await removeFile(this.partialPath(digest), "a layer by its digest, which its caller saw no image hold");
    });
  }

  /** Runs `work` once nobody else in this process works on the blob. */
  async exclusively<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    for (let other = this.#busy.get(digest); other !== undefined; other = this.#busy.get(digest)) await other;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#busy.set(digest, promise);
    try {
      return await work();
    } finally {
      this.#busy.delete(digest);
      resolve();
    }
  }
}
