import { z } from "zod";
import { guestSystemSchema, imageLayerSchema } from "./image.ts";
import { buildStepSchema } from "./image-parts.ts";
import { KERNEL_ARCHS, kernelAbilitiesSchema, kernelFilesSchema } from "./kernel.ts";
import { initPolicySchema } from "./init-policy.ts";
import { objectNameSchema } from "./names.ts";
import { guestServiceSchema } from "./service.ts";

/*
 * What banger says of an image that it sends out whole: the field `banger` of its OCI config. It comes back from anybody,
 * so every text is bounded, and there is no path of a host in it.
 */

const text = z.string().max(1024);
const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** A file's name within a layer: no way out of it, in any reading. */
const insidePath = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9._+-]+(?:\/[A-Za-z0-9._+-]+)*$/)
  .refine((path) => !path.split("/").some((name) => name === "." || name === ".."), "leads out of its folder");

export const DISK_IDS = ["root", "work"] as const;

/** 16 TiB: the largest that ext4 with blocks of 4 KiB and 32-bit numbers, and ext4 as the host's own file system, take. */
const MAX_DISK_BYTES = 16 * 1024 ** 4;

const artefactDiskSchema = z.object({
  id: z.enum(DISK_IDS),
  /** Diff id of the layer that holds it, as `ID.img`. */
  diffId: sha256,
  /** Length of the disk, holes counted. */
  sizeBytes: z.number().int().positive().max(MAX_DISK_BYTES),
  usedBytes: z.number().int().nonnegative().max(MAX_DISK_BYTES),
  uuid: z.string().regex(/^[0-9a-fA-F-]{0,36}$/),
});
export type ArtefactDisk = z.infer<typeof artefactDiskSchema>;

const artefactFilesSchema = kernelFilesSchema.superRefine((files, check) => {
  for (const path of kernelFilePaths(files)) {
    if (!insidePath.safeParse(path).success) check.addIssue(`"${path.slice(0, 80)}" is no file's name in a kernel`);
  }
  const modules = files.bootModules?.modules ?? [];
  if (modules.length > 1000 || modules.some((name) => !/^[\w-]{1,64}$/.test(name))) check.addIssue("odd boot modules");
});

const artefactKernelSchema = z.object({
  name: objectNameSchema,
  /** Diff id of the layer that holds its files: two kernels with the same are one. */
  diffId: sha256,
  arch: z.enum(KERNEL_ARCHS),
  release: z.string().regex(/^[\w.+~-]{1,64}$/),
  /** Where its files came from, in words. */
  source: text,
  files: artefactFilesSchema,
  abilities: kernelAbilitiesSchema,
  sizeBytes: z.number().int().nonnegative(),
});
export type ArtefactKernel = z.infer<typeof artefactKernelSchema>;

export const artefactSchema = z.object({
  version: z.literal(1),
  /** Version of the banger that made it, for people. */
  madeBy: z.string().max(64),
  image: z.object({
    name: objectNameSchema,
    reference: text.optional(),
    digest: sha256.optional(),
    layers: z.array(imageLayerSchema).max(1000),
    history: z.array(buildStepSchema).max(1000),
    system: guestSystemSchema,
    agentDigest: sha256.optional(),
    agentVersion: z.string().max(64).optional(),
    initDefault: initPolicySchema.optional(),
    services: z.array(guestServiceSchema).max(32).optional(),
  }),
  disks: z
    .array(artefactDiskSchema)
    .min(1)
    .max(DISK_IDS.length)
    .refine((disks) => disks[0]?.id === "root" && disks[1]?.id !== "root", "the root disk comes first, and once"),
  kernel: artefactKernelSchema,
});
export type Artefact = z.infer<typeof artefactSchema>;

/** Name of a disk's file in its layer. */
export function diskFileName(id: ArtefactDisk["id"]): string {
  return `${id}.img`;
}

/** All that a kernel's record names in its folder; `modules` is a folder, the others are files. */
export function kernelFilePaths(files: z.infer<typeof kernelFilesSchema>): string[] {
  const { image, vmlinux, config, initrd, modules, bootModules } = files;
  return [image.path, vmlinux, config, initrd, modules, bootModules?.path].filter((path) => path !== undefined);
}

/** What became of an image that was sent out. */
export const sentImageSchema = z.object({
  image: z.string(),
  /** Where to, so that a banger can pull it from there. */
  reference: z.string(),
  /** Of its manifest. */
  digest: z.string(),
  blobs: z.array(
    z.object({
      digest: z.string(),
      mediaType: z.string(),
      sizeBytes: z.number().int(),
      /** Whether it was there already. */
      reused: z.boolean(),
    }),
  ),
});
export type SentImage = z.infer<typeof sentImageSchema>;
