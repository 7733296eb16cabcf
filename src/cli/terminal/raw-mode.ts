import { spawnSync } from "node:child_process";
import type { Io } from "../io.ts";

/**
 * Runs work while the terminal hands over each key, and shows each byte, as it is. It is put back whatever happens.
 */
export async function withRawMode<T>(io: Io, work: () => Promise<T>): Promise<T> {
  const { stdin } = io;
  if (stdin.isTTY !== true) return work();
  const restore = (): void => void stdin.setRawMode?.(false);
  stdin.setRawMode?.(true);
  process.once("exit", restore);
  try {
    leaveOutputAlone();
    return await work();
  } finally {
    restore();
    process.off("exit", restore);
    stdin.pause();
  }
}

/**
 * What Node calls raw still turns each LF into CR LF on its way out (uv_tty_set_mode), which the guest's own terminal
 * has done already: a full-screen program that moves down by a bare LF would draw in the wrong column.
 * Without stty(1) we do with that; `restore` undoes both.
 */
function leaveOutputAlone(): void {
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}
