import { writeFileAtomic } from "../../lib/files.ts";
import { openFifo } from "./fifo.ts";

/** A line of Firecracker's metrics has about 10 KB. */
const MAX_LINE_BYTES = 256 * 1024;

/**
 * Reads metrics from the FIFO that Firecracker writes them to, and keeps the last line of them in a file. While nobody
 * reads, the FIFO fills up, and Firecracker drops what does not fit: they never take more room than that.
 * Ends with the signal or with Firecracker; never rejects.
 */
export async function keepMetrics(fifo: string, file: string, signal: AbortSignal): Promise<void> {
  try {
    const lines = openFifo(fifo, "read");
    const stop = (): void => void lines.destroy();
    signal.addEventListener("abort", stop, { once: true });
    let rest = "";
    for await (const chunk of lines.setEncoding("utf8")) {
      const whole = (rest + String(chunk)).split("\n");
      rest = (whole.pop() ?? "").slice(-MAX_LINE_BYTES);
      const last = whole.at(-1);
      if (last !== undefined) await writeFileAtomic(file, `${last}\n`);
    }
  } catch {
    // Nothing depends on them.
  }
}
