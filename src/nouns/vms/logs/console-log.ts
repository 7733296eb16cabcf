import { join } from "node:path";
import { open } from "node:fs/promises";
import { hasErrno } from "../../../lib/errors.ts";
import type { VmContext } from "../vm-context.ts";

const READ_BYTES = 64 * 1024;
/** A line longer than this is passed over: the guest writes what it likes. */
const MAX_LINE_BYTES = 4096;

/** The last lines of a console, without control characters: a guest's bytes must not drive the reader's terminal. */
export async function consoleTail(path: string, lines = 20): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - READ_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, start);
      return printable(buffer.subarray(0, bytesRead).toString("utf8"))
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-lines)
        .join("\n");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "";
    throw error;
  }
}

function printable(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- ECMA-48 control sequences are what is removed
      .replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])/g, "")
      // oxlint-disable-next-line no-control-regex
      .replace(/[\x00-\x09\x0b-\x1f\x7f]/g, "")
  );
}

/** The lines of a byte stream; over-long ones are cut. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE_BYTES);
    yield* lines.map((line) => line.slice(0, MAX_LINE_BYTES));
  }
}

export function consoleLogPath(context: Pick<VmContext, "layout">, vmId: string): string {
  return join(context.layout.vmsDir, vmId, "console.log");
}
