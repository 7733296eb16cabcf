import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { findDescription } from "../stand-in/firecracker/description.ts";
import { ROOT } from "./test-host.ts";

/** The stand-in for Firecracker, as `firecracker_bin`. */
export const STAND_IN = join(ROOT, "test/stand-in/firecracker/firecracker");

/** The stand-in as a program of its own, which says that it is this release. */
export function standInAs(version: string): string {
  const folder = mkdtempSync(join(tmpdir(), "stand-in-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "firecracker");
  const { BANGER_FIRECRACKER_DESCRIPTION: description, XDG_CACHE_HOME: cache = join(homedir(), ".cache") } =
    process.env;
  // A VMM is given none of our environment but a home, which may be one of a test's own.
  const told = {
    BANGER_STAND_IN_VERSION: version,
    XDG_CACHE_HOME: cache,
    ...(description !== undefined && { BANGER_FIRECRACKER_DESCRIPTION: description }),
  };
  const exports = Object.entries(told).map(([name, value]) => `export ${name}=${quoted(value)}`);
  const lines = ["#!/bin/sh", ...exports, `exec ${quoted(STAND_IN)} "$@"`];
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 });
  return path;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Builds what the stand-in needs, once on a machine.
 *
 * @returns why it cannot be used here; undefined when it can.
 */
export function prepareStandIn(): string | undefined {
  const script = join(ROOT, "scripts/make-vhost-device-vsock.sh");
  const { status, stderr } = spawnSync(script, [], { encoding: "utf8", stdio: ["ignore", "ignore", "pipe"] });
  if (status === 0) return undefined;
  if (status === 3) return stderr.trim();
  throw new Error(`the stand-in's vsock could not be built: ${stderr}`);
}

/** Why requests cannot be held to Firecracker's own description of them; undefined when they can. */
export function descriptionMissing(): string | undefined {
  return findDescription() === undefined
    ? "Firecracker's firecracker.yaml is not at hand; name it by BANGER_FIRECRACKER_DESCRIPTION"
    : undefined;
}
