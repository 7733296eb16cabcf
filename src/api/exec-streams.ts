/**
 * The WebSocket of `vmExec`. Binary frames carry one of the three standard streams: their first byte is its descriptor,
 * the rest its bytes. Text frames are JSON: those of exec-frames.ts. The client begins with `start`, the server ends with `exit`
 * or `error` and then closes. An empty binary frame on descriptor 0 is the end of standard input.
 */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** Largest frame either side sends; larger ones are refused. */
export const MAX_FRAME_BYTES = 1024 ** 2;
