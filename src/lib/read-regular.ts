import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/**
 * Reads a small file that anybody may have put there: never waits (a FIFO), never reads without end (a device, a huge
 * file).
 *
 * @throws Error that says why it is not read; an errno where the file cannot be opened.
 */
export function readRegularFile(path: string, maxBytes: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const { size, isRegular } = kindOf(fd);
    if (!isRegular) throw new Error(`${path} is no regular file`);
    if (size > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
    const buffer = Buffer.alloc(size);
    let at = 0;
    while (at < size) {
      const read = readSync(fd, buffer, at, size - at, at);
      if (read === 0) break;
      at += read;
    }
    return buffer.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

function kindOf(fd: number): { readonly size: number; readonly isRegular: boolean } {
  const found = fstatSync(fd);
  return { size: found.size, isRegular: found.isFile() };
}
