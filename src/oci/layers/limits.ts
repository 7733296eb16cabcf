/** What an image may cost. Everything that comes from outside is counted against one of these. */
export interface ImportLimits {
  /** Entries of all layers together, whiteouts counted, and directories that are there only as part of a path. */
  readonly maxEntries: number;
  /** Bytes of their names, without the way to them. */
  readonly maxNameBytes: number;
  /** Bytes of all files with their holes. */
  readonly maxContentBytes: number;
  /** Bytes of all link targets and extended attributes. */
  readonly maxMetadataBytes: number;
  /** Bytes of all layers unpacked. */
  readonly maxUnpackedBytes: number;
  /** A layer past `ratioFreeBytes` may be at most this many times its compressed size. */
  readonly maxRatio: number;
  readonly ratioFreeBytes: number;
}

/**
 * Roomy for real images (the largest known have about a million files and some hundred GiB), and still bounded: as many
 * entries as this take less than 200 MB of memory, and deflate cannot pass a ratio of 1032.
 */
export const DEFAULT_LIMITS: ImportLimits = {
  maxEntries: 2_000_000,
  maxNameBytes: 128 * 1024 ** 2,
  maxContentBytes: 4 * 1024 ** 4,
  maxMetadataBytes: 256 * 1024 ** 2,
  maxUnpackedBytes: 256 * 1024 ** 3,
  maxRatio: 400,
  ratioFreeBytes: 16 * 1024 ** 3,
};
