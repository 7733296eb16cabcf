import { stat } from "node:fs/promises";
import { readAgent, type AgentProgram } from "./agent-program.ts";

/**
 * Tells which agent banger would put into an image now. It is read again only when the file is another: lists of images
 * ask for it each time.
 */
export function agentNow(path: string): () => Promise<AgentProgram> {
  let known: { readonly key: string; readonly agent: Promise<AgentProgram> } | undefined;
  return async () => {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return readAgent(path); // It tells why it cannot be read.
    const key = `${found.size} ${found.mtimeMs} ${found.ino}`;
    if (known?.key !== key) known = { key, agent: readAgent(path) };
    try {
      return await known.agent;
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}
