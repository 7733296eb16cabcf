import { stat } from "node:fs/promises";
import { Duplex, Readable } from "node:stream";
import { BangerError } from "../../lib/errors.ts";
import { followFile } from "../../lib/follow-file.ts";
import { openFifo } from "./fifo.ts";

/**
 * The console of a microVM from now on: what it writes is read from its log, where every reader finds it, and what is
 * typed goes into the FIFO that Firecracker reads.
 *
 * @throws BangerError `VMM_FAILED` when nobody reads the FIFO any more.
 */
export async function openConsole(log: string, input: string): Promise<Duplex> {
  const { size } = await stat(log);
  const typed = openInput(input);
  const closing = new AbortController();
  const shown = Readable.from(followFile(log, closing.signal, size), { objectMode: false });
  const console = Duplex.from({ readable: shown, writable: typed });
  console.on("close", () => {
    closing.abort();
    typed.destroy();
  });
  return console;
}

function openInput(path: string): ReturnType<typeof openFifo> {
  try {
    return openFifo(path, "write");
  } catch (cause) {
    throw new BangerError("VMM_FAILED", {
      what: "the VM's console cannot be reached",
      ...(cause instanceof Error && { why: cause.message }),
      fix: "see the VM's state with `banger vm inspect`",
      cause,
    });
  }
}
