import { stat } from "node:fs/promises";
import { readAgent } from "./provision.ts";

/**
 * Tells the digest of the agent that banger would put into an image now. It is read again only when the file is another:
 * lists of images ask for it each time.
 */
export function agentNow(path: string): () => Promise<string> {
  let known: { readonly key: string; readonly digest: Promise<string> } | undefined;
  return async () => {
    const { size, mtimeMs, ino } = await stat(path);
    const key = `${size} ${mtimeMs} ${ino}`;
    if (known?.key !== key) known = { key, digest: readAgent(path).then(({ digest }) => digest) };
    try {
      return await known.digest;
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}
