import { z } from "zod";
import { objectNameSchema } from "./names.ts";

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
});
export type OciConfig = z.infer<typeof ociConfigSchema>;

export const imageLayerSchema = z.object({
  digest: z.string(),
  diffId: z.string(),
  mediaType: z.string(),
  sizeBytes: z.number().int(),
});

/** What the image's own files say about the system in it. */
export const guestSystemSchema = z.object({
  /** `systemd` where the image can be booted by it, else `none`: then the agent is PID 1. */
  init: z.enum(["systemd", "none"]),
  osId: z.string().optional(),
  osVersion: z.string().optional(),
  osName: z.string().optional(),
});
export type GuestSystem = z.infer<typeof guestSystemSchema>;

export const imageSchema = z.object({
  id: z.string(),
  name: objectNameSchema,
  createdAt: z.iso.datetime(),
  managed: z.boolean(),
  /** Where it came from, as it was asked for. */
  reference: z.string(),
  /** Digest of the manifest of this platform. */
  digest: z.string(),
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }),
  /** Bytes that the image's files occupy on this host. */
  size: z.number().int(),
  rootfs: z.object({ path: z.string(), sizeBytes: z.number().int(), usedBytes: z.number().int(), uuid: z.string() }),
  /** Name of the kernel its VMs boot with unless told otherwise. */
  kernel: z.string(),
  config: ociConfigSchema,
  layers: z.array(imageLayerSchema),
  system: guestSystemSchema,
  /** Digest of the agent that was put into it. */
  agentDigest: z.string(),
});
export type Image = z.infer<typeof imageSchema>;
