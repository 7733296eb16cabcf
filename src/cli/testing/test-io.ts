import { PassThrough, Readable } from "node:stream";
import type { Io } from "../io.ts";

export interface TestIo extends Io {
  /** What was written so far. */
  out(): string;
  err(): string;
}

/** Streams and an environment for a command that is run inside a test. */
export function testIo(env: NodeJS.ProcessEnv = {}, stdin: Iterable<string | Uint8Array> = []): TestIo {
  const stdout = new PassThrough({ highWaterMark: 256 * 1024 ** 2 });
  const stderr = new PassThrough({ highWaterMark: 256 * 1024 ** 2 });
  const written = (stream: PassThrough): (() => string) => {
    let text = "";
    return () => {
      for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
        text += chunk.toString("utf8");
      }
      return text;
    };
  };
  return { stdin: Readable.from(stdin), stdout, stderr, env, out: written(stdout), err: written(stderr) };
}
