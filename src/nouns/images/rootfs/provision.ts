import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { BangerError } from "../../../lib/errors.ts";
import type { ContentSink } from "../../../model/content-sink.ts";
import type { FileTree } from "../../../model/file-tree.ts";
import { PLAIN_ATTRIBUTES } from "../../../model/inode.ts";
import { makeDirectory } from "../inspect/tree-path.ts";

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

/**
 * Adds banger's own files to an image's tree, as one more layer: the agent, and its name for the first boot.
 *
 * @throws BangerError `FILE_UNREADABLE` if the agent is not what it was when its digest was taken.
 */
export async function provision(tree: FileTree, sink: ContentSink, agent: AgentProgram): Promise<void> {
  const folder = makeDirectory(tree, LIBEXEC);
  const hash = createHash("sha256");
  sink.beginFile();
  for await (const chunk of createReadStream(agent.path)) {
    hash.update(chunk as Buffer);
    await sink.write(chunk as Buffer);
  }
  const { size, extents } = sink.endFile();
  if (`sha256:${hash.digest("hex")}` !== agent.digest) throw agentUnreadable(agent.path, "it is being replaced");
  tree.add(folder, AGENT_NAME, { ...PLAIN_ATTRIBUTES, type: "file", size, extents });
  tree.add(folder, FIRST_BOOT_NAME, { ...PLAIN_ATTRIBUTES, type: "symlink", target: AGENT_NAME });
}

function agentUnreadable(path: string, why: string, cause?: unknown): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `the guest's program ${path} cannot be read`,
    why,
    fix: "build it with `make build`, or install banger again",
    cause,
  });
}
