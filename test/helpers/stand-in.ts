import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findDescription } from "../stand-in/firecracker/description.ts";
import { ROOT } from "./test-host.ts";

/** The stand-in for Firecracker, as `firecracker_bin`. */
export const STAND_IN = join(ROOT, "test/stand-in/firecracker/firecracker");

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
