import type { Io } from "../io.ts";

/** Runs work while the terminal hands over each key as it is; it is put back whatever happens. */
export async function withRawMode<T>(io: Io, work: () => Promise<T>): Promise<T> {
  const { stdin } = io;
  if (stdin.isTTY !== true) return work();
  const restore = (): void => void stdin.setRawMode?.(false);
  stdin.setRawMode?.(true);
  process.once("exit", restore);
  try {
    return await work();
  } finally {
    restore();
    process.off("exit", restore);
    stdin.pause();
  }
}
