import { z } from "zod";
import type { OciConfig } from "../../model/image.ts";
import { digestSchema } from "./digest-schema.ts";
import type { Digest } from "./digest.ts";
import { parseHealthCheck } from "./health-check.ts";
import { checked, manifestInvalid, parseObject } from "./manifest.ts";
import { orHost, type Platform } from "./platform.ts";

/** Bound on an image config; registries have none, real ones are a few KiB. */
export const MAX_CONFIG_BYTES = 8 * 1024 ** 2;

// Docker writes null for what is empty, and leaves out what it does not know.
const list = <T extends z.ZodType>(item: T) => z.array(item).nullish();
/** What becomes part of an exec: with a NUL in it the image could be taken in, and no command of it be run. */
const execString = z
  .string()
  .refine((text) => !text.includes("\0"), "it holds a NUL, and nothing can be run with that");
const strings = list(execString);
const setOfNames = z.record(z.string(), z.unknown()).nullish();

/** OCI image spec, config.md. */
const configSchema = z.object({
  architecture: z.string().nullish(),
  os: z.string().nullish(),
  variant: z.string().optional(),
  config: z
    .object({
      Env: strings,
      User: execString.nullish(),
      WorkingDir: execString.nullish(),
      Entrypoint: strings,
      Cmd: strings,
      ExposedPorts: setOfNames,
      Volumes: setOfNames,
      Labels: z.record(z.string(), z.string()).nullish(),
      StopSignal: z.string().nullish(),
      Healthcheck: z.unknown().optional(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal("layers"), diff_ids: list(digestSchema) }),
  history: z.array(z.object({ empty_layer: z.boolean().optional() })).nullish(),
});

export interface ImageConfig {
  readonly platform: Platform;
  readonly run: OciConfig;
  /** Digests of the unpacked layers, lowest first. */
  readonly diffIds: readonly Digest[];
}

/**
 * Reads an image config, whose digest has been checked.
 *
 * @throws BangerError `MANIFEST_INVALID` if it does not parse, or counts other layers than the manifest has.
 */
export function parseImageConfig(data: Uint8Array, layerCount: number): ImageConfig {
  const document = checked(configSchema, parseObject(data, MAX_CONFIG_BYTES, "config"), "config");
  const diffIds = document.rootfs.diff_ids ?? [];
  if (diffIds.length !== layerCount) {
    throw manifestInvalid("config", `it has ${diffIds.length} diff ids, and the manifest ${layerCount} layers`);
  }
  // History is for people, and tools that add a layer may leave it as it is; one of more layers is another image's.
  const told = document.history?.filter((step) => step.empty_layer !== true).length ?? 0;
  if (told > layerCount) {
    throw manifestInvalid("config", `its history tells of ${told} layers, and the manifest has ${layerCount}`);
  }
  return { platform: orHost(document), run: runConfig(document.config ?? {}), diffIds };
}

function runConfig(config: NonNullable<z.infer<typeof configSchema>["config"]>): OciConfig {
  const healthCheck = parseHealthCheck(config.Healthcheck);
  return {
    env: config.Env ?? [],
    user: config.User ?? "",
    workingDir: config.WorkingDir ?? "",
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    volumes: Object.keys(config.Volumes ?? {}),
    labels: config.Labels ?? {},
    ...(config.StopSignal != null && config.StopSignal !== "" && { stopSignal: config.StopSignal }),
    ...(healthCheck !== undefined && { healthCheck }),
  };
}
