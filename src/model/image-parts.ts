import { z } from "zod";

/**
 * How an image came to be: `pull` from a container image, `register` of files that were there, `build` from another image.
 */
export const imageOriginSchema = z.enum(["pull", "register", "build"]);
export type ImageOrigin = z.infer<typeof imageOriginSchema>;

/** How a file of the user's looked when it was last believed: what changes when somebody writes to it or replaces it. */
export const fileStampSchema = z.object({
  path: z.string(),
  sizeBytes: z.number().int(),
  /** Milliseconds since 1970, with the fraction that stat(2) gives. */
  mtimeMs: z.number(),
  inode: z.number().int(),
});
export type FileStamp = z.infer<typeof fileStampSchema>;

/** A file system in a file, raw: what a VM's disk begins as. */
export const volumeSchema = z.object({
  path: z.string(),
  /** What a guest sees of it. */
  sizeBytes: z.number().int(),
  /** What is in use of it. */
  usedBytes: z.number().int(),
  uuid: z.string(),
  /** `sha256:…` of the whole file, where banger has read it all. */
  sha256: z.string().optional(),
});
export type Volume = z.infer<typeof volumeSchema>;

/** What was done to an image to make the next one of it. */
export const buildStepSchema = z.object({
  at: z.iso.datetime(),
  /** The image it began from, as it was then; absent where that was none of banger's. */
  from: z.object({ id: z.string(), name: z.string(), digest: z.string().optional() }).optional(),
  /** `script: install.sh`, `containerfile: Containerfile`, `init: systemd`. */
  did: z.string(),
  /** `sha256:…` over the base, the script and every input: the same key gives the same image. */
  key: z.string(),
  /** `sha256:…` of the script. */
  scriptDigest: z.string().optional(),
});
export type BuildStep = z.infer<typeof buildStepSchema>;
