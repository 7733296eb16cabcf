import { z } from "zod";
import { objectNameSchema } from "./names.ts";
import { VOLUME_MOUNT_PATH } from "./fields/names.ts";
import { ruled } from "./fields/schema-of.ts";

/** A disk with a file system that belongs to no VM, and outlives those that mount it. */
export const volumeSchema = z.object({
  id: z.string(),
  name: objectNameSchema,
  createdAt: z.iso.datetime(),
  /** What a guest sees, in bytes. */
  sizeBytes: z.number().int(),
});
export type Volume = z.infer<typeof volumeSchema>;

/** A VM that mounts a volume. */
export const volumeUserSchema = z.object({
  vm: z.string(),
  path: z.string(),
  readOnly: z.boolean(),
  /** Whether it has the volume open now. */
  running: z.boolean(),
});
export type VolumeUser = z.infer<typeof volumeUserSchema>;

/** A volume as the API shows it. */
export const volumeViewSchema = volumeSchema.extend({
  /** The file that it is, on the daemon's host. */
  path: z.string(),
  /** What that takes of the host's disk, in bytes. */
  usedBytes: z.number().int(),
  usedBy: z.array(volumeUserSchema),
});
export type VolumeView = z.infer<typeof volumeViewSchema>;

/** Most volumes that one VM mounts: each takes one of the few devices of a microvm. */
export const MAX_VOLUMES = 8;

/** Where a guest finds a volume. It stands on the kernel's command line, which holds little, and no blanks or quotes. */
export const mountPathSchema = ruled(z.string(), VOLUME_MOUNT_PATH);

/** What is asked for: volumes by name or id. */
export const volumeMountsSchema = z
  .array(
    z.strictObject({ volume: z.string().min(1).max(200), path: mountPathSchema, readOnly: z.boolean().default(false) }),
  )
  .max(MAX_VOLUMES);
export type VolumeMount = z.infer<typeof volumeMountsSchema>[number];

/** A volume of a VM, as its record has it. */
export const vmVolumeSchema = z.object({
  id: z.string(),
  name: z.string(),
  path: mountPathSchema,
  readOnly: z.boolean(),
});
export type VmVolume = z.infer<typeof vmVolumeSchema>;
