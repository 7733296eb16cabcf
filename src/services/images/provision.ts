import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";
import type { ContentSink } from "../../model/content-sink.ts";
import { link, newFile, newSymlink, type Attributes, type DirectoryInode } from "../../model/file-tree.ts";
import { makeDirectory } from "./tree-path.ts";

/** Where everything of banger lies in a guest. */
const LIBEXEC = "/usr/local/libexec";
const AGENT_NAME = "banger-vsock-agent";
/** The agent under the name by which it works as the first program of a boot. */
const FIRST_BOOT_NAME = "banger-first-boot";

/** The guest's program, read once: it is put into every image. */
export interface AgentProgram {
  readonly content: Buffer;
  /** `sha256:…` of the content. */
  readonly digest: string;
}

/** @throws BangerError `FILE_UNREADABLE`. */
export async function readAgent(path: string): Promise<AgentProgram> {
  try {
    const content = await readFile(path);
    return { content, digest: `sha256:${createHash("sha256").update(content).digest("hex")}` };
  } catch (error) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `the guest's program ${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: "build it with `make build`, or install banger again",
      cause: error,
    });
  }
}

/** Adds banger's own files to an image's tree, as one more layer: the agent, and its name for the first boot. */
export async function provision(root: DirectoryInode, sink: ContentSink, agent: AgentProgram): Promise<void> {
  const folder = makeDirectory(root, LIBEXEC);
  sink.beginFile();
  await sink.write(agent.content);
  const { size, extents } = sink.endFile();
  link(folder, AGENT_NAME, newFile(OWNED_BY_ROOT, size, extents));
  link(folder, FIRST_BOOT_NAME, newSymlink(OWNED_BY_ROOT, AGENT_NAME));
}

const OWNED_BY_ROOT: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  // Fixed: the same image and agent give the same bytes on every day.
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};
