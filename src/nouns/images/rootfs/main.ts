import { read } from "node:fs";
import { promisify } from "node:util";
import { makeRootfs } from "./rootfs-maker.ts";
import { failureReply, type RootfsRequest } from "./rootfs-messages.ts";
import type { RootfsReply } from "./rootfs-replies.ts";

const STDIN = 0;
const READ_BYTES = 256 * 1024;

/**
 * A program of its own that bangerd starts for each image that it makes: what layers hold is hostile and may be large, and
 * a process gives back all the memory it took. Speaks by Node's channel between processes; ends with the daemon.
 */
const jobs = Promise.withResolvers<Extract<RootfsRequest, { kind: "job" }>["job"]>();
const checked = Promise.withResolvers<void>();
process.on("message", (request: RootfsRequest) => {
  if (request.kind === "job") jobs.resolve(request.job);
  else checked.resolve();
});
process.once("disconnect", () => process.exit(1));

const piece = Buffer.allocUnsafe(READ_BYTES);
const readAsync = promisify(read);

async function* readLayer(bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0;) {
    const { bytesRead } = await readAsync(STDIN, piece, 0, Math.min(piece.length, left), null);
    if (bytesRead === 0) throw new Error("bangerd has closed the pipe before the end of a layer");
    left -= bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

function tell(reply: RootfsReply, then: () => void = () => {}): void {
  process.send?.(reply, then);
}

try {
  const taken = (): void => tell({ kind: "taken" });
  const result = await makeRootfs(await jobs.promise, { read: readLayer, taken, checked: checked.promise });
  tell({ kind: "done", result }, () => process.exit(0));
} catch (error) {
  tell(failureReply(error), () => process.exit(1));
}
