import { readyChecksSchema } from "../model/ready-check.ts";
import { z } from "zod";
import {
  BUILD_FIELDS,
  CONTAINERFILE_FIELDS,
  FILES_FIELDS,
  PULL_FIELDS,
  PUSH_FIELDS,
  REGISTER_FIELDS,
} from "../model/fields/image-fields.ts";
import { DELETE_FIELDS, ORPHANS_DELETE_FIELDS, VM_DELETE_FIELDS } from "../model/fields/delete-fields.ts";
import { KERNEL_BUILD_FIELDS, KERNEL_IMPORT_FIELDS, KERNEL_PULL_FIELDS } from "../model/fields/kernel-fields.ts";
import { shapeOf } from "../model/fields/schema-of.ts";
import {
  CREATE_FIELDS,
  FORWARD_FIELDS,
  LOGS_FIELDS,
  REBASE_FIELDS,
  RESIZE_FIELDS,
  START_FIELDS,
  STOP_FIELDS,
  VM_FIELDS,
} from "../model/fields/vm-fields.ts";
import { objectNameSchema } from "../model/names.ts";
import { serviceSpecSchema } from "../model/service.ts";
import { volumeMountsSchema } from "../model/volume.ts";
import { ownWorldSchemas } from "../model/world.ts";

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
  ...shapeOf(DELETE_FIELDS, {}),
});

export const orphansDeleteInput = z.strictObject({
  /** As they are listed. */
  names: z.array(z.string().min(1).max(400)).max(10_000).default([]),
  ...shapeOf(ORPHANS_DELETE_FIELDS, {}),
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
  ...shapeOf(KERNEL_PULL_FIELDS, {}),
});

export const kernelBuildInput = z.strictObject({
  /** `generic-6.12`, or with `config` any name. */
  name: objectNameSchema,
  ...shapeOf(KERNEL_BUILD_FIELDS, {}),
});

export const kernelImportInput = z.strictObject({ name: objectNameSchema, ...shapeOf(KERNEL_IMPORT_FIELDS, {}) });

export const imagePullInput = z.strictObject({
  /** `debian:bookworm`, `host:port/name@sha256:…`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`. */
  reference: z.string().min(1).max(4096),
  ...shapeOf(PULL_FIELDS, {}),
});

const envSchema = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
const hostPathSchema = z.string().startsWith("/", "must be an absolute path on the daemon's host").max(4096);

export const imageBuildInput = z.strictObject(
  shapeOf(BUILD_FIELDS, {
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
    onFail: z.enum(["remove", "keep"]).default("remove"),
  }),
);

export const imageBuildContainerfileInput = z.strictObject(shapeOf(CONTAINERFILE_FIELDS, {}));

export const imageRegisterInput = z.strictObject({ name: objectNameSchema, ...shapeOf(REGISTER_FIELDS, {}) });

export const imagePushInput = z.strictObject({
  ref: refSchema,
  /** `host/name:tag`. */
  reference: z.string().min(1).max(4096),
  ...shapeOf(PUSH_FIELDS, {}),
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
  ...shapeOf(FILES_FIELDS, {}),
});

export const imageFileInput = z.strictObject({ ref: refSchema, path: imagePathSchema });

export const vmCreateInput = z.strictObject({
  ...shapeOf(VM_FIELDS, {
    ...ownWorldSchemas,
    env: envSchema.default({}),
    ready: readyChecksSchema.default([]),
    volumes: volumeMountsSchema.default([]),
  }),
  ...shapeOf(CREATE_FIELDS, { service: serviceSpecSchema.optional() }),
});

/** What is given of the host's world is the VM's from then on; what is absent stays as it is. */
export const vmStartInput = z.strictObject({ ref: refSchema, ...shapeOf(START_FIELDS, ownWorldSchemas) });

export const vmStopInput = z.strictObject({ ref: refSchema, ...shapeOf(STOP_FIELDS, {}) });

export const vmRebaseInput = z.strictObject({ ref: refSchema, ...shapeOf(REBASE_FIELDS, {}) });

export const vmResizeInput = z.strictObject({ ref: refSchema, ...shapeOf(RESIZE_FIELDS, {}) });

export const vmDeleteInput = z.strictObject({ ref: refSchema, ...shapeOf(VM_DELETE_FIELDS, {}) });

export const vmLogsInput = z.strictObject({ ref: refSchema, ...shapeOf(LOGS_FIELDS, {}) });

export const vmForwardInput = z.strictObject({ ref: refSchema, ...shapeOf(FORWARD_FIELDS, {}) });

export const vmStatsSchema = z.object({
  uptimeMs: z.number(),
  memoryTotalBytes: z.number(),
  memoryAvailableBytes: z.number(),
  cpuMs: z.number(),
  load1: z.number(),
  processes: z.number(),
});

/** The key that opens every VM of this user. */
export const sshKeySchema = z.object({
  keyPath: z.string(),
  /** One line, as in `authorized_keys`. */
  publicKey: z.string(),
});

/** What `vm ssh` needs: the user's key, and the guest's host key as the agent told it over its own line. */
export const vmSshSchema = z.object({
  id: z.string(),
  name: z.string(),
  keyPath: z.string(),
  knownHostsPath: z.string(),
  user: z.string(),
});
