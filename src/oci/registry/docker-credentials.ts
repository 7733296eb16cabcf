import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { run } from "../../lib/process.ts";
import { DOCKER_HUB } from "../source/reference.ts";

export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** A refresh token, traded for access tokens (OAuth 2). */
  | { readonly kind: "identity"; readonly token: string };

/** Docker's key for Docker Hub, from the days of its first registry. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
const HELPER_TIMEOUT_MS = 30_000;

const authSchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});

/** Docker's config.json, the part on credentials. */
const configSchema = z.object({
  auths: z.record(z.string(), authSchema).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

const helperAnswerSchema = z.object({ Username: z.string(), Secret: z.string() });

/**
 * Looks up what Docker would log in with: a helper for this registry, then the store, then the file itself.
 *
 * @returns undefined when there is nothing: most images are public.
 * @throws BangerError `CONFIG_INVALID` if config.json does not parse; `TOOL_FAILED` if a helper fails for
 *         another reason than knowing nothing.
 */
export async function dockerCredentials(
  folder: string,
  registry: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const config = await readConfig(join(folder, "config.json"));
  if (config === undefined) return undefined;
  const keys = keysOf(registry);
  const helper = keys.map((key) => config.credHelpers?.[key]).find((name) => name !== undefined) ?? config.credsStore;
  if (helper !== undefined && helper !== "") {
    for (const key of keys) {
      const found = await askHelper(helper, key, signal);
      if (found !== undefined) return found;
    }
  }
  for (const key of keys) {
    const entry = config.auths?.[key];
    const found = entry === undefined ? undefined : fromEntry(entry);
    if (found !== undefined) return found;
  }
  return undefined;
}

function keysOf(registry: string): string[] {
  if (registry === DOCKER_HUB) return [DOCKER_HUB_KEY, "docker.io", "index.docker.io", "registry-1.docker.io"];
  return [registry, `https://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`, `http://${registry}`];
}

async function readConfig(path: string): Promise<z.infer<typeof configSchema> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return undefined;
    throw invalid(path, error);
  }
  try {
    return configSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalid(path, error);
  }
}

function fromEntry(entry: z.infer<typeof authSchema>): Credentials | undefined {
  if (entry.identitytoken !== undefined && entry.identitytoken !== "") {
    return { kind: "identity", token: entry.identitytoken };
  }
  if (entry.username !== undefined && entry.password !== undefined) {
    return { kind: "password", username: entry.username, password: entry.password };
  }
  const decoded = Buffer.from(entry.auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon <= 0) return undefined;
  // Docker pads with NULs.
  return {
    kind: "password",
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/\0+$/, ""),
  };
}

async function askHelper(helper: string, key: string, signal: AbortSignal): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(helper))
    throw invalid("config.json", new Error(`"${helper}" is not a credential helper's name`));
  let stdout: string;
  try {
    const options = { input: key, signal, timeoutMs: HELPER_TIMEOUT_MS, maxOutputBytes: 64 * 1024 };
    ({ stdout } = await run(`docker-credential-${helper}`, ["get"], options));
  } catch (error) {
    // A helper that knows nothing says so on stdout and exits with 1 (docker-credential-helpers, credentials/error.go).
    const said = error instanceof BangerError && error.cause instanceof Error && "stdout" in error.cause;
    if (said && String((error.cause as { stdout: unknown }).stdout).includes("credentials not found")) return undefined;
    throw error;
  }
  const answer = helperAnswerSchema.safeParse(safeJson(stdout));
  if (!answer.success) throw invalid(`docker-credential-${helper}`, new Error("its answer is not as it should be"));
  const { Username, Secret } = answer.data;
  if (Username === "<token>") return { kind: "identity", token: Secret };
  return Username === "" ? undefined : { kind: "password", username: Username, password: Secret };
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(path: string, cause: unknown): BangerError {
  return new BangerError("CONFIG_INVALID", {
    what: `${path} gives no credentials`,
    // The parser's message could quote a secret.
    why:
      cause instanceof SyntaxError
        ? "it is not valid JSON"
        : cause instanceof z.ZodError
          ? "it is not as Docker writes it"
          : String(cause),
    fix: "mend the file, or log in again with `docker login`",
    cause,
  });
}
