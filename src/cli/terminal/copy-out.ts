import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";

/** Copies all of a stream, no faster than it is taken, and leaves the target open. */
export async function copyOut(from: Readable, to: NodeJS.WritableStream): Promise<void> {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  to.once("error", reject);
  from.pipe(to, { end: false });
  try {
    await Promise.race([finished(from), broken]);
  } finally {
    to.off("error", reject);
  }
}
