import { z } from "zod";
import { objectNameSchema } from "./names.ts";

/** Version of the format; a catalog of another one is refused. Fields may be added without a new one. */
export const CATALOG_VERSION = 1;

/**
 * The one recipe that banger knows: scripts/make-generic-kernel.sh with kernel/generic.config. It counts only in the catalog
 * that banger brings: what is built here is never for a server to say.
 */
export const GENERIC_RECIPE = "generic";

/**
 * Where a file of a catalog lies: `https://…`, `oci://HOST/REPOSITORY`, or a path relative to the catalog's own URL.
 * No scheme but these, no way up.
 */
const placeSchema = z
  .string()
  .max(2048)
  .regex(
    /^(?:https:\/\/[!-~]+|oci:\/\/[!-~]+|(?!\.\.?(?:\/|$))[A-Za-z0-9._~+@=-]+(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._~+@=-]+)*)$/,
    "must be an https:// or oci:// URL, or a path relative to the catalog",
  );

/** What is shown as it is: nothing in it can act on a terminal. */
const wordSchema = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9.+~_-]*$/, "must be letters, digits, dots, dashes, plus signs, tildes and underscores");

/** What a kernel can do for a VM; for people and programs that choose one. banger itself looks at the kernel. */
export const kernelSupportSchema = z.object({
  vmm: z.array(wordSchema).max(20).describe("VMMs that boot it: firecracker, qemu"),
  microvm: z.boolean().describe("boots in QEMU's microvm: PVH, and virtio-mmio devices on the command line"),
  features: z.array(wordSchema).max(100).describe("built in or brought as modules: virtioVsock, ipPnp, …"),
});
export type KernelSupport = z.infer<typeof kernelSupportSchema>;

export const kernelArchiveSchema = z.object({
  urls: z.array(placeSchema).min(1).max(16).describe("tried in order"),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe("of the archive, in hex"),
  size: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).describe("of the archive, in bytes"),
  signature: z.string().max(4096).describe("of the archive: the text of minisign's .minisig file"),
});
export type KernelArchive = z.infer<typeof kernelArchiveSchema>;

export const catalogKernelSchema = z.object({
  name: objectNameSchema.describe("what is asked for: `banger kernel pull NAME`"),
  version: wordSchema.describe("upstream's: 6.12.117"),
  arch: wordSchema.describe("amd64 or arm64; kernels for others are passed over"),
  archive: kernelArchiveSchema.optional().describe("a tar packed with zstd; absent where nobody serves it"),
  recipe: z.string().max(64).optional().describe("how `banger kernel build NAME` makes it"),
  supports: kernelSupportSchema,
});
export type CatalogKernel = z.infer<typeof catalogKernelSchema>;

/** `catalog.json`. Its signature lies beside it: `catalog.json.minisig`. docs/kernel-catalog.md tells more. */
export const kernelCatalogSchema = z.object({
  $schema: z.string().max(200).optional(),
  version: z.literal(CATALOG_VERSION),
  serial: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).describe("higher in each edition; never goes back"),
  issuedAt: z.iso.datetime(),
  kernels: z
    .array(catalogKernelSchema)
    .max(1000)
    .refine((kernels) => new Set(kernels.map(({ name, arch }) => `${name} ${arch}`)).size === kernels.length, {
      error: "a name stands there twice for one architecture",
    }),
});
export type KernelCatalog = z.infer<typeof kernelCatalogSchema>;

/** The schema that is published as kernel/catalog.schema.json (JSON Schema 2020-12), for those who write catalogs. */
export function catalogJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(kernelCatalogSchema, { io: "input" });
  return { $schema, title: "Catalog of kernels for banger", ...rest };
}

/** What `kernel catalog` tells of one catalog. */
export const catalogViewSchema = z.object({
  /** Its URL, or `built-in` for the one that banger brings. */
  url: z.string(),
  /** Absent where it could not be read. */
  serial: z.number().int().optional(),
  issuedAt: z.iso.datetime().optional(),
  error: z.object({ code: z.string(), what: z.string(), why: z.string().optional(), fix: z.string() }).optional(),
  kernels: z.array(
    catalogKernelSchema.pick({ name: true, version: true, arch: true, supports: true }).extend({
      /** Of what is downloaded; absent where nobody serves it. */
      sizeBytes: z.number().int().optional(),
      buildable: z.boolean(),
      /** Names of kernels here that were pulled from this very archive. */
      here: z.array(z.string()),
    }),
  ),
});
export type CatalogView = z.infer<typeof catalogViewSchema>;
