import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { BangerError } from "../../../lib/errors.ts";

/** Where everything of banger lies in a guest. */
export const LIBEXEC = "/usr/local/libexec";
export const AGENT_NAME = "banger-vsock-agent";
/** The agent's path in every image that banger made. */
export const AGENT_PATH = `${LIBEXEC}/${AGENT_NAME}`;
/** The agent under the name by which it works as the first program of a boot. */
export const FIRST_BOOT_NAME = "banger-first-boot";

/** The guest's program, which is put into every image. */
export interface AgentProgram {
  readonly path: string;
  /** `sha256:…` of its content. */
  readonly digest: string;
}

/** @throws BangerError `FILE_UNREADABLE`. */
export async function readAgent(path: string): Promise<AgentProgram> {
  try {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return { path, digest: `sha256:${hash.digest("hex")}` };
  } catch (error) {
    throw agentUnreadable(path, error instanceof Error ? error.message : String(error), error);
  }
}

/** What to do where the guest's program cannot be read, or is another than it was. */
export function agentUnreadable(path: string, why: string, cause?: unknown): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `the guest's program ${path} cannot be read`,
    why,
    fix: "build it with `make build`, or install banger again",
    cause,
  });
}
