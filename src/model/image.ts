import { z } from "zod";
import { healthCheckSchema } from "./health-check.ts";
import { buildStepSchema, fileStampSchema, imageOriginSchema, volumeSchema } from "./image-parts.ts";
import { objectNameSchema } from "./names.ts";
import { guestServiceSchema } from "./service.ts";
import { initPolicySchema } from "./init-policy.ts";

/** What an image says about running it: the part of the OCI image config that `run` and `vm create` honour. */
export const ociConfigSchema = z.object({
  env: z.array(z.string()),
  user: z.string(),
  workingDir: z.string(),
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  exposedPorts: z.array(z.string()),
  volumes: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  stopSignal: z.string().optional(),
  healthCheck: healthCheckSchema.optional(),
});
export type OciConfig = z.infer<typeof ociConfigSchema>;

export const imageLayerSchema = z.object({
  digest: z.string(),
  diffId: z.string(),
  mediaType: z.string(),
  sizeBytes: z.number().int(),
});

export const packedFromSchema = z.object({
  reference: z.string().optional(),
  digest: z.string().optional(),
  layers: z.array(imageLayerSchema),
});

/** What the image's own files say about the system in it. */
export const guestSystemSchema = z.object({
  /** What the image can be booted by: `none` where only the agent can be PID 1. OpenRC counts with the agent in it. */
  init: z.enum(["systemd", "openrc", "none"]),
  osId: z.string().optional(),
  /** ID_LIKE of os-release(5), words parted by blanks: what it is kin to. */
  osIdLike: z.string().optional(),
  osVersion: z.string().optional(),
  osName: z.string().optional(),
});
export type GuestSystem = z.infer<typeof guestSystemSchema>;

/**
 * An image. What only a container image has (reference, digest, layers) is absent or empty where it was made otherwise.
 */
export const imageSchema = z.object({
  id: z.string(),
  name: objectNameSchema,
  createdAt: z.iso.datetime(),
  origin: imageOriginSchema.default("pull"),
  /** Whether its files are banger's own; else they are the user's, and banger only reads them. */
  managed: z.boolean(),
  /** Where it came from, as it was asked for. */
  reference: z.string().optional(),
  /** Digest of the manifest of this platform. */
  digest: z.string().optional(),
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }),
  /** Bytes that the image's files occupy on this host. */
  size: z.number().int(),
  rootfs: volumeSchema,
  /** What the work disk of a new VM begins as. */
  workSeed: volumeSchema.optional(),
  /** The user's files that it was made from and, unless it is managed, still needs. */
  files: z.array(fileStampSchema).default([]),
  /** Name of the kernel its VMs boot with unless told otherwise. */
  kernel: z.string(),
  config: ociConfigSchema,
  /** Those that its root file system was made of, and nothing else but banger's own files. */
  layers: z.array(imageLayerSchema),
  /** Set where it came whole from another banger: what its maker said it was made of. */
  packedFrom: packedFromSchema.optional(),
  /** What was done to it since, oldest first. */
  history: z.array(buildStepSchema).default([]),
  system: guestSystemSchema,
  /** Digest of the agent in it, which is its first-boot program too; absent where it has none. */
  agentDigest: z.string().optional(),
  /** Version of the banger that the agent came with, where that is known. */
  agentVersion: z.string().optional(),
  /** What its VMs have as PID 1 unless told otherwise; absent: `auto`. */
  initDefault: initPolicySchema.optional(),
  /** What must answer in its VMs before they count as ready. */
  services: z.array(guestServiceSchema).optional(),
});
export type Image = z.infer<typeof imageSchema>;

/** Whether the agent in an image is the one that banger would put in now. */
export const AGENT_AGES = ["current", "other", "none"] as const;

/** An image as the API shows it. */
export const imageViewSchema = imageSchema.extend({
  /** `other`: another version of banger put it in, and `image refresh` puts in this one's. */
  agent: z.enum(AGENT_AGES),
  /** What became of the user's files that it needs, in words; empty where all is as it was. */
  trouble: z.array(z.string()),
});
export type ImageView = z.infer<typeof imageViewSchema>;

/** @param agentDigest of the agent that banger would put in now. */
export function viewImage(image: Image, agentDigest: string, trouble: readonly string[]): ImageView {
  const agent = image.agentDigest === undefined ? "none" : image.agentDigest === agentDigest ? "current" : "other";
  return { ...image, agent, trouble: [...trouble] };
}
