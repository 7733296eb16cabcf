import { z } from "zod";
import { objectNameSchema, vmNameSchema } from "../model/names.ts";
import { diskStrategySchema, publishedPortSchema, vmmChoiceSchema } from "../model/vm.ts";
import { waitTargetSchema } from "../model/health-check.ts";
import { initPolicySchema } from "../model/init-policy.ts";
import { serviceSpecSchema } from "../model/service.ts";
import { worldFields } from "../model/world.ts";

/** A name or an id of an existing object, as a user types it. Only looked up, never joined to a path. */
export const refSchema = z.string().min(1).max(200);

export const refInput = z.strictObject({ ref: refSchema });
export const noInput = z.strictObject({});
export const nothing = z.strictObject({});

export const errorBodySchema = z.object({
  code: z.string(),
  what: z.string(),
  why: z.string().optional(),
  fix: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
});

export const deleteInput = z.strictObject({
  ref: refSchema,
  /** Delete it even if its record cannot be read. */
  force: z.boolean().default(false),
});

export const orphansDeleteInput = z.strictObject({
  /** As they are listed. */
  names: z.array(z.string().min(1).max(400)).max(10_000).default([]),
  all: z.boolean().default(false),
  /** Those too in which a VMM works, which is ended. */
  force: z.boolean().default(false),
});

export const daemonStatusSchema = z.object({
  version: z.string(),
  pid: z.number().int(),
  startedAt: z.iso.datetime(),
  socket: z.string(),
  dataDir: z.string(),
  log: z.string(),
  runningVms: z.number().int(),
  /** What the last start found left over by a daemon that died, and did about it. */
  recovered: z.array(z.string()),
  /** Why it does nothing: the state is not this data's, or cannot be read. */
  refuses: errorBodySchema.optional(),
});
export type DaemonStatus = z.infer<typeof daemonStatusSchema>;

export const kernelPullInput = z.strictObject({
  /** What to pull: `debian-cloud`, or a name that a catalog lists. */
  source: objectNameSchema,
  name: objectNameSchema.optional(),
  /** Build it from source where no catalog serves it. */
  build: z.boolean().default(false),
});

export const kernelBuildInput = z.strictObject({
  /** `generic-6.12`, or with `config` any name. */
  name: objectNameSchema,
  /** Absolute path of a fragment of a kernel configuration, in place of the generic kernel's. */
  config: z.string().startsWith("/").optional(),
  /** Where the source comes from. */
  from: z.enum(["auto", "kernel.org", "debian"]).optional(),
  jobs: z.number().int().min(1).max(1024).optional(),
});

export const kernelImportInput = z.strictObject({
  name: objectNameSchema,
  /** Absolute paths on the daemon's host. */
  vmlinux: z.string().startsWith("/"),
  initrd: z.string().startsWith("/").optional(),
  modules: z.string().startsWith("/").optional(),
});

export const imagePullInput = z.strictObject({
  /** `debian:bookworm`, `host:port/name@sha256:…`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`. */
  reference: z.string().min(1).max(4096),
  name: objectNameSchema.optional(),
  kernel: objectNameSchema.optional(),
  /** Speak to this registry without TLS although it is not on loopback. */
  insecure: z.boolean().default(false),
  /** What its VMs have as PID 1 unless told otherwise; systemd is installed at once where the image has none. */
  init: initPolicySchema.optional(),
  /** Let the VM in which that is done reach what listens on this host: a mirror on loopback. */
  allowHost: z.boolean().default(false),
});

/** Bytes a second. Less than this would not let a guest boot. */
const bandwidthSchema = z
  .number()
  .int()
  .min(64 * 1024, "a guest needs at least 64K a second");

const envSchema = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
const hostPathSchema = z.string().startsWith("/", "must be an absolute path on the daemon's host").max(4096);

export const imageBuildInput = z.strictObject({
  /** The image to begin from. */
  from: refSchema,
  name: objectNameSchema,
  /** Run in the guest: by the interpreter that its first line names, else by /bin/sh. */
  script: hostPathSchema,
  /** Files and folders that are in the guest before the script runs, owned by root. */
  copies: z
    .array(
      z.strictObject({
        source: hostPathSchema,
        target: z.string().startsWith("/", "must be an absolute path in the guest").max(4096),
      }),
    )
    .max(100)
    .default([]),
  env: envSchema.default({}),
  /** Of the root disk; the base's where it is absent. */
  sizeBytes: z.number().int().positive().optional(),
  kernel: refSchema.optional(),
  /** Let the script reach the network. */
  nat: z.boolean().default(false),
  /** What runs as PID 1 meanwhile; the agent where it is absent. */
  init: initPolicySchema.optional(),
  /** `keep`: a script that fails leaves its VM running; the error names it. */
  onFail: z.enum(["remove", "keep"]).default("remove"),
});

export const imageBuildContainerfileInput = z.strictObject({
  name: objectNameSchema,
  containerfile: hostPathSchema,
  /** The folder whose files it may copy. */
  context: hostPathSchema,
  kernel: refSchema.optional(),
});

export const imageRegisterInput = z.strictObject({
  name: objectNameSchema,
  /** An ext4 file system in a file. */
  rootfs: hostPathSchema,
  workSeed: hostPathSchema.optional(),
  kernelRef: refSchema.optional(),
  kernel: hostPathSchema.optional(),
  initrd: hostPathSchema.optional(),
  /** The content of /lib/modules/RELEASE. */
  modules: hostPathSchema.optional(),
});

const workDiskSizeSchema = z
  .number()
  .int()
  .min(16 * 1024 ** 2, "a work disk needs at least 16M");

export const imagePushInput = z.strictObject({
  ref: refSchema,
  /** `host/name:tag`. */
  reference: z.string().min(1).max(4096),
  /** Speak to this registry without TLS although it is not on loopback. */
  insecure: z.boolean().default(false),
});

export const imageExportInput = z.strictObject({
  ref: refSchema,
  /** `oci-archive:FILE[:NAME]`, FILE an absolute path on the daemon's host. */
  target: z
    .string()
    .regex(/^oci-archive:\//, "must be oci-archive: and an absolute path")
    .max(4096),
});

/** A path from an image's root, its odd bytes written as `\xNN`, as they are listed. */
const imagePathSchema = z.string().min(1).max(16_384);

export const imageFilesInput = z.strictObject({
  ref: refSchema,
  path: imagePathSchema.default("/"),
  /** All that stands below it, not only what stands in it. */
  recursive: z.boolean().default(false),
});

export const imageFileInput = z.strictObject({ ref: refSchema, path: imagePathSchema });

export const vmCreateInput = z.strictObject({
  name: vmNameSchema.optional(),
  image: refSchema.optional(),
  kernel: refSchema.optional(),
  vcpus: z.number().int().min(1).max(64).optional(),
  memoryBytes: z
    .number()
    .int()
    .min(64 * 1024 ** 2, "a VM needs at least 64M of memory")
    .optional(),
  diskSizeBytes: z.number().int().positive().optional(),
  /** A second disk, mounted on /work; where it is absent, there is one if the image has a seed for it. */
  workDiskSizeBytes: workDiskSizeSchema.optional(),
  diskStrategy: diskStrategySchema.optional(),
  nat: z.boolean().default(false),
  publish: z.array(publishedPortSchema).max(100).default([]),
  /** Publish what the image says it listens on, each on a free port of this host's loopback. */
  publishAll: z.boolean().default(false),
  /** Let the guest reach what listens on the host, and cloud metadata addresses. */
  allowHost: z.boolean().default(false),
  /** Let the guest reach other VMs that have this too, and be reached by them. */
  allowVms: z.boolean().default(false),
  env: envSchema.default({}),
  vmm: vmmChoiceSchema.optional(),
  /** Most that the guest may read and write on each of its disks, in bytes a second. */
  diskBandwidth: bandwidthSchema.optional(),
  /** Most that the guest may send, and most that it may receive, in bytes a second. */
  netBandwidth: bandwidthSchema.optional(),
  /** The image's own policy where it is absent. */
  init: initPolicySchema.optional(),
  /** Keep a command running: the image's own unless words are given. */
  service: serviceSpecSchema.optional(),
  ...worldFields,
  start: z.boolean().default(true),
  /**
   * Delete it when its owner is gone: the connection of an exec whose start frame says `owner`. If none comes within a
   * minute, or none comes back after the daemon was started anew, it is deleted, too.
   */
  ephemeral: z.boolean().default(false),
  /** How far a start waits; without effect where `start` is false. */
  wait: waitTargetSchema.default("agent"),
});

/** What is given of the host's world is the VM's from then on; what is absent stays as it is. */
export const vmStartInput = z.strictObject({
  ref: refSchema,
  wait: waitTargetSchema.default("agent"),
  ...worldFields,
});

export const vmStopInput = z.strictObject({
  ref: refSchema,
  /** Seconds that the guest gets to shut down before it is ended. */
  timeoutSeconds: z.number().int().min(0).max(3600).default(30),
  force: z.boolean().default(false),
});

export const vmRebaseInput = z.strictObject({
  ref: refSchema,
  image: refSchema,
  /** The kernel to boot from then on; the image's own where it is absent. */
  kernel: refSchema.optional(),
});

export const vmResizeInput = z.strictObject({
  ref: refSchema,
  diskSizeBytes: z.number().int().positive().optional(),
  workDiskSizeBytes: workDiskSizeSchema.optional(),
});

export const vmDeleteInput = z.strictObject({
  ref: refSchema,
  /** Delete it even while it runs. */
  force: z.boolean().default(false),
});

export const vmLogsInput = z.strictObject({
  ref: refSchema,
  follow: z.boolean().default(false),
  /** What the command has printed that the VM keeps running, rather than its console. */
  service: z.boolean().default(false),
  /** Begin with so many of the last lines; with all of them where it is absent. */
  lines: z.number().int().min(0).max(100_000).optional(),
});

export const vmForwardInput = z.strictObject({
  ref: refSchema,
  /** `ssh` for the agent's SSH server, `tcp:HOST:PORT`, `vsock:PORT` or `unix:PATH` inside the guest. */
  target: z.union([z.literal("ssh"), z.string().regex(/^(?:tcp:.+:\d{1,5}|vsock:\d{1,10}|unix:\/.+)$/)]),
});

export const vmStatsSchema = z.object({
  uptimeMs: z.number(),
  memoryTotalBytes: z.number(),
  memoryAvailableBytes: z.number(),
  cpuMs: z.number(),
  load1: z.number(),
  processes: z.number(),
});

/** What `vm ssh` needs: the user's key, and the guest's host key as the agent told it over its own line. */
export const vmSshSchema = z.object({
  id: z.string(),
  name: z.string(),
  keyPath: z.string(),
  knownHostsPath: z.string(),
  user: z.string(),
});
