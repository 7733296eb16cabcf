import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { LinkedBy } from "../../lib/address-guard.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { DEFAULT_PACE, type Pace } from "../../http/http-transport.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "../../http/retry.ts";

/** How registries are reached. */
export interface RegistryOptions {
  /** Registries (`host` or `host:port`) that may be spoken to in plain http. Loopback hosts always may. */
  readonly insecure: readonly string[];
  /** Where else a registry's images are had, tried first, in order: `docker.io` → `https://mirror.example`. */
  readonly mirrors: Readonly<Record<string, readonly string[]>>;
  /** A folder per registry with certificates (`*.crt`) of private authorities, as Docker has it. */
  readonly certificatesFolder: string;
  /** A file of such certificates for single registries, by host. */
  readonly authorityFiles: Readonly<Record<string, string>>;
  /** Docker's folder of credentials. */
  readonly dockerConfigFolder: string;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly retry: RetryPolicy;
  readonly pace: Pace;
  /** Who named the registry, where that was not the user. */
  readonly linkedBy?: LinkedBy;
}

export function registryOptions(given: Partial<RegistryOptions> = {}): RegistryOptions {
  const env = given.env ?? process.env;
  return {
    insecure: [],
    mirrors: {},
    authorityFiles: {},
    certificatesFolder: "/etc/docker/certs.d",
    dockerConfigFolder: env["DOCKER_CONFIG"] ?? join(env["HOME"] ?? homedir(), ".docker"),
    env,
    retry: DEFAULT_RETRY,
    pace: DEFAULT_PACE,
    ...given,
  };
}

/**
 * Certificates of private authorities for a registry, in PEM.
 *
 * @throws BangerError `FILE_UNREADABLE` if the configuration names a file that cannot be read.
 */
export async function privateAuthorities(
  { certificatesFolder, authorityFiles }: Pick<RegistryOptions, "certificatesFolder" | "authorityFiles">,
  registry: string,
): Promise<string[]> {
  const named = authorityFiles[registry];
  const configured = named === undefined ? [] : [await readAuthority(named)];
  return [...configured, ...(await authoritiesIn(join(certificatesFolder, registry)))];
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `the certificates in ${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: "mend `ca_file` in config.toml",
      cause: error,
    });
  }
}

async function authoritiesIn(own: string): Promise<string[]> {
  try {
    const names = (await readdir(own)).filter((name) => name.endsWith(".crt"));
    return await Promise.all(names.sort().map((name) => readFile(join(own, name), "utf8")));
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}
