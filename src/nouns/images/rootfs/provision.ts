import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { ContentSink } from "../../../model/content-sink.ts";
import type { FileTree } from "../../../model/file-tree.ts";
import { PLAIN_ATTRIBUTES } from "../../../model/inode.ts";
import { AGENT_NAME, agentUnreadable, FIRST_BOOT_NAME, LIBEXEC, type AgentProgram } from "../agent/agent-program.ts";
import { makeDirectory } from "../inspect/tree-path.ts";

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
