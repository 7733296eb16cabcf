import { z } from "zod";
import { objectNameSchema } from "./names.ts";

/** By Debian's names, which the rest of the world knows too. */
export const KERNEL_ARCHS = ["amd64", "arm64"] as const;
export type KernelArch = (typeof KERNEL_ARCHS)[number];

export const KERNEL_FORMATS = ["elf", "bzImage", "arm64-image"] as const;
export type KernelFormat = (typeof KERNEL_FORMATS)[number];

/** What a guest of ours may need of its kernel, each by the option that gives it. */
export const KERNEL_FEATURES = {
  virtioPci: "CONFIG_VIRTIO_PCI",
  virtioMmio: "CONFIG_VIRTIO_MMIO",
  virtioBlk: "CONFIG_VIRTIO_BLK",
  virtioConsole: "CONFIG_VIRTIO_CONSOLE",
  virtioNet: "CONFIG_VIRTIO_NET",
  virtioVsock: "CONFIG_VIRTIO_VSOCKETS",
  ext4: "CONFIG_EXT4_FS",
  ipPnp: "CONFIG_IP_PNP",
  devtmpfs: "CONFIG_DEVTMPFS",
  /** Finds the CPUs of a machine that has no ACPI. */
  mpTable: "CONFIG_X86_MPPARSE",
} as const;
export type KernelFeature = keyof typeof KERNEL_FEATURES;

export const FEATURE_STATES = ["builtin", "module", "absent"] as const;
export type FeatureState = (typeof FEATURE_STATES)[number];

export const kernelAbilitiesSchema = z.object({
  /** Can be entered by PVH (Xen's note PHYS32_ENTRY), so it boots as ELF, with no firmware, in a microvm. */
  pvh: z.boolean(),
  /** Finds virtio-mmio devices on its command line (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES), so it needs no PCI. */
  virtioMmioCmdline: z.boolean(),
  /** Absent where the kernel tells nobody how it was configured; one that an older banger did not look for is absent too. */
  features: z
    .partialRecord(z.enum(Object.keys(KERNEL_FEATURES) as [KernelFeature, ...KernelFeature[]]), z.enum(FEATURE_STATES))
    .optional(),
});
export type KernelAbilities = z.infer<typeof kernelAbilitiesSchema>;

export const kernelSourceSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("debian"),
    mirror: z.string(),
    suite: z.string(),
    package: z.string(),
    version: z.string(),
    /** Of the .deb. */
    sha256: z.string(),
  }),
  z.object({
    kind: z.literal("import"),
    /** Where the user's files lay; banger has its own copies. */
    vmlinux: z.string(),
    initrd: z.string().optional(),
    modules: z.string().optional(),
  }),
  z.object({
    kind: z.literal("catalog"),
    /** The catalog's URL, and its edition. */
    catalog: z.string(),
    serial: z.number().int(),
    kernel: z.string(),
    version: z.string(),
    /** Where the archive came from, and its sha256. */
    url: z.string(),
    sha256: z.string(),
  }),
  z.object({
    kind: z.literal("build"),
    recipe: z.string(),
    /** Name and sha256 of the source tarball, and the compiler: the same give the same bytes. */
    source: z.string(),
    sourceSha256: z.string(),
    compiler: z.string(),
  }),
  z.object({
    kind: z.literal("artefact"),
    /** The image of a banger that it came with, and the digest of that one's manifest. */
    reference: z.string(),
    digest: z.string(),
    /** Where it had come from before, as the image's maker says. Nobody has verified it. */
    told: z.string(),
  }),
]);
export type KernelSource = z.infer<typeof kernelSourceSchema>;

/**
 * The files of a kernel, relative to its folder.
 *
 * How it boots: with `initrd`, a user's own, as it is; with `bootModules`, behind an initramfs that is made for the
 * agent of the day; with neither, straight into the root disk.
 */
export const kernelFilesSchema = z.object({
  image: z.object({ path: z.string(), format: z.enum(KERNEL_FORMATS) }),
  /** The same kernel unpacked, where `image` is a bzImage that could be. */
  vmlinux: z.string().optional(),
  /** How it was configured: the text of `.config`. */
  config: z.string().optional(),
  initrd: z.string().optional(),
  /** The content of /lib/modules/RELEASE. */
  modules: z.string().optional(),
  /** The part of the initramfs that never changes, and its modules in the order in which they are loaded. */
  bootModules: z.object({ path: z.string(), modules: z.array(z.string()) }).optional(),
});
export type KernelFiles = z.infer<typeof kernelFilesSchema>;

/** What pulling or importing a kernel finds out and makes; what remains is for whoever names and keeps it. */
export const kernelContentsSchema = z.object({
  arch: z.enum(KERNEL_ARCHS),
  /** As `uname -r` in the guest. */
  release: z.string(),
  source: kernelSourceSchema,
  files: kernelFilesSchema,
  abilities: kernelAbilitiesSchema,
  /** Bytes of all its files. */
  sizeBytes: z.number().int(),
});
export type KernelContents = z.infer<typeof kernelContentsSchema>;

export const kernelSchema = kernelContentsSchema.extend({
  id: z.string(),
  name: objectNameSchema,
  createdAt: z.iso.datetime(),
  /** Id of the image that it belongs to, and goes with. */
  owner: z.string().optional(),
  /** What it was called until a newer version of it took that name. */
  formerName: objectNameSchema.optional(),
});
export type Kernel = z.infer<typeof kernelSchema>;
