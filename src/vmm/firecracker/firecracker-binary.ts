import { stat } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";
import { findExecutable } from "../../lib/find-executable.ts";
import { run, toolMissing } from "../../lib/process.ts";
import { parseVersion, whyNot, type FirecrackerVersion } from "./version.ts";

export const FIRECRACKER = "firecracker";

const VERSION_MS = 10_000;

export interface FirecrackerPlace {
  /** `firecracker_bin` of the configuration; absent, PATH is searched. */
  readonly firecrackerBin?: string;
  readonly searchPath?: string;
}

export interface FirecrackerBinary {
  readonly path: string;
  readonly version: FirecrackerVersion;
}

/** Finds Firecracker, and asks it for its version once: until its file is another one. */
export function firecrackerFinder(place: FirecrackerPlace): () => Promise<FirecrackerBinary> {
  let known: { readonly key: string; readonly binary: Promise<FirecrackerBinary> } | undefined;
  return async () => {
    const path = await findPath(place);
    const { mtimeMs, size, ino } = await stat(path);
    const key = [path, mtimeMs, size, ino].join(" ");
    if (known?.key !== key) {
      const binary = askVersion(path);
      binary.catch(() => (known = undefined));
      known = { key, binary };
    }
    return known.binary;
  };
}

/** @throws BangerError `TOOL_MISSING`. */
async function findPath({ firecrackerBin, searchPath }: FirecrackerPlace): Promise<string> {
  const name = firecrackerBin ?? FIRECRACKER;
  const found = await findExecutable(name, searchPath);
  if (found !== undefined) return found;
  const fix =
    firecrackerBin === undefined
      ? "put the `firecracker` of a release of it into PATH, or name it by `firecracker_bin` in the configuration"
      : "correct `firecracker_bin` in the configuration";
  throw toolMissing(name, fix);
}

async function askVersion(path: string): Promise<FirecrackerBinary> {
  const { stdout } = await run(path, ["--version"], { timeoutMs: VERSION_MS });
  const version = parseVersion(stdout);
  if (version === undefined) {
    throw new BangerError("VMM_FAILED", {
      what: `${path} does not say which Firecracker it is`,
      why: `--version printed ${JSON.stringify(stdout.slice(0, 200))}`,
      fix: "check `firecracker_bin` in the configuration",
    });
  }
  const why = whyNot(version);
  if (why === undefined) return { path, version };
  throw new BangerError("VMM_CANNOT", { what: why, fix: `replace ${path} by a newer release` });
}
