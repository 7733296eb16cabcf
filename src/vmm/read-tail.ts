import { open } from "node:fs/promises";
import { hasErrno } from "../lib/errors.ts";

/** The last bytes of a file as text; empty when there is no such file. */
export async function readTail(path: string, maxBytes: number): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - maxBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, start);
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "";
    throw error;
  }
}
