import { closeSync, constants, openSync, writeSync } from "node:fs";

export type Level = "ERROR" | "WARN" | "INFO";

/** Firecracker's log: lines on its standard output until it is told of a file or FIFO. */
export class Log {
  readonly #id: string;
  #fd = 1;

  constructor(id: string) {
    this.#id = id;
  }

  /** @throws Error as open(2) fails. */
  open(path: string): void {
    const fd = openNonblocking(path);
    if (this.#fd !== 1) closeSync(this.#fd);
    this.#fd = fd;
  }

  write(level: Level, text: string): void {
    const line = `${new Date().toISOString().slice(0, -1)} [${this.#id}:main:${level}] ${text}\n`;
    writeOrLose(this.#fd, line);
  }
}

/** As Firecracker opens files and FIFOs that it writes to: it never waits for a reader, and never blocks. */
export function openNonblocking(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_CREAT, 0o600);
}

/** A line that a full FIFO does not take is lost. */
export function writeOrLose(fd: number, line: string): void {
  try {
    writeSync(fd, line);
  } catch {
    // Firecracker counts it in its metrics, and goes on.
  }
}
