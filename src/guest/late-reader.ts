import { type ClientHttp2Stream, constants } from "node:http2";

/**
 * Lets a response be iterated however late. In Node 24 a stream of HTTP/2 that is closed on the wire counts as closed
 * altogether for the iterator of `Readable`, which then fails with ERR_STREAM_PREMATURE_CLOSE although all of the
 * response is there to be read. It happens whenever a whole response comes at once, as it does on a serial line.
 */
export function readableLate(stream: ClientHttp2Stream): ClientHttp2Stream {
  return Object.defineProperty(stream, Symbol.asyncIterator, { value: () => chunksOf(stream) });
}

/** The stream's chunks; gives up the stream when its reader stops before the end. */
async function* chunksOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer, undefined> {
  let failure: Error | undefined;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => changed.resolve();
  const fail = (error: Error): void => {
    failure = error;
    wake();
  };
  stream.on("readable", wake).on("end", wake).on("close", wake).on("error", fail);
  try {
    for (;;) {
      changed = Promise.withResolvers();
      const chunk: unknown = stream.destroyed ? null : stream.read();
      if (Buffer.isBuffer(chunk)) yield chunk;
      else if (failure !== undefined) throw failure;
      else if (stream.readableEnded) return;
      else if (stream.destroyed) throw stream.errored ?? new Error("the response was cut off");
      else await changed.promise;
    }
  } finally {
    stream.off("readable", wake).off("end", wake).off("close", wake).off("error", fail);
    if (!stream.readableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  }
}
