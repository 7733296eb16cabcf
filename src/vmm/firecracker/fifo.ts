import { constants, openSync } from "node:fs";
import { Socket } from "node:net";

/**
 * One end of a FIFO as a stream that waits in the event loop: a read by way of a file would hold up a thread.
 *
 * @throws Error `ENXIO` when there is nobody to read what is written, and what else open(2) gives cause to.
 */
export function openFifo(path: string, end: "read" | "write"): Socket {
  const mode = end === "read" ? constants.O_RDONLY : constants.O_WRONLY;
  // Without O_NONBLOCK it would wait for the other end, so this returns at once.
  const fd = openSync(path, mode | constants.O_NONBLOCK);
  return new Socket({ fd, readable: end === "read", writable: end === "write" });
}
