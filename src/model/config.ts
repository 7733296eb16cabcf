import { z } from "zod";
import { objectNameSchema } from "./names.ts";
import { natChoiceSchema } from "./network.ts";
import { diskStrategySchema, vmmChoiceSchema } from "./vm.ts";
import { worldConfig } from "./world.ts";

/** `config.toml`. Every key has a default, so an empty file is a whole configuration. Unknown keys are errors. */
export const configSchema = z.strictObject({
  /** The user's own key for `vm ssh`; banger makes one where this is absent. */
  ssh_key_path: z.string().startsWith("/", "must be an absolute path").optional(),
  /** Kernel for images that are pulled without `--kernel-ref`. */
  default_kernel: objectNameSchema.default("debian-cloud"),
  /** Image for `vm create` without `--image`. */
  default_image_name: objectNameSchema.optional(),
  /** What VMs without a `--vmm` of their own run on. */
  vmm: vmmChoiceSchema.default("auto"),
  firecracker_bin: z.string().startsWith("/", "must be an absolute path").optional(),
  qemu_bin: z.string().startsWith("/", "must be an absolute path").optional(),
  /** How VMs with `--nat` get their network; see docs/networks.md. */
  nat: natChoiceSchema.default("auto"),
  /** Where addresses of VMs on the host's own network come from. */
  nat_range: z
    .cidrv4("write a private range, as in 10.99.0.0/16")
    .refine((text) => Number(text.split("/")[1]) <= 30, "a VM needs four addresses: /30 or more")
    .optional(),
  /** Debian archive and suite for `kernel pull debian-cloud`; the host's own where absent. */
  debian_mirror: z.url().optional(),
  debian_suite: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .optional(),
  /** Registries that may be spoken to without TLS, as `host[:port]`. Loopback always may. */
  insecure_registries: z.array(z.string()).default([]),
  /** More about single registries, by `host[:port]` as it stands in references: `[registries."docker.io"]`. */
  registries: z
    .record(
      z.string(),
      z.strictObject({
        /** Where its images are had too, asked first and in order; the registry itself is asked for what they lack. */
        mirrors: z
          .array(
            z
              .string()
              .max(2048)
              .regex(/^https?:\/\/[^\s/@?#]+(?:\/[^\s?#]*)?$/, "must be a URL, https://HOST[:PORT][/PATH]"),
          )
          .max(16)
          .default([]),
        /** Certificates of private authorities, in PEM, beside those in /etc/docker/certs.d/HOST. */
        ca_file: z.string().startsWith("/", "must be an absolute path").optional(),
      }),
    )
    .default({}),
  /** Where `kernel pull` finds kernels beside those that banger knows itself; asked in their order. */
  kernel_catalogs: z
    .array(
      z.strictObject({
        /** Of `catalog.json`, or `oci://HOST/REPOSITORY`. */
        url: z
          .string()
          .max(2048)
          .regex(/^(?:https?|oci|file):\/\/\S+$/, "must be an https://, oci:// or file:// URL"),
        /** Who signs it: the line of a minisign public key, `RW…`. */
        key: z.string().max(500),
      }),
    )
    .max(32)
    .default([]),
  vm: z
    .strictObject({
      vcpus: z.number().int().min(1).max(64).default(2),
      memory: z.string().default("1G"),
      /** How a VM gets its own copy of a disk; the cheapest way that host and VMM share where absent. */
      disk_strategy: diskStrategySchema.optional(),
      /** Seconds until a start that brings no agent is given up. */
      start_timeout: z.number().int().min(1).max(3600).default(180),
      /** Seconds that a guest's package manager gets to install an init. */
      first_boot_timeout: z.number().int().min(1).max(86_400).default(1800),
      /** What VMs are given of the host's world; nothing where it is absent. */
      ...worldConfig,
    })
    .prefault({}),
});
export type Config = z.infer<typeof configSchema>;
