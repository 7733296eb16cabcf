import type { Socket } from "node:net";
import { connectUnix } from "../lib/unix-socket.ts";
import { type ByteReader, byteReader } from "./byte-reader.ts";
import { connectionLost, notOurApi } from "./daemon-errors.ts";
import type { WireRequest } from "./wire-request.ts";

const MAX_HEAD_BYTES = 64 * 1024;
/** A chunk's size in hexadecimal digits, with room for extensions. */
const MAX_CHUNK_LINE_BYTES = 256;

/** One request on a connection of its own; disposing of it closes that. */
export interface Exchange extends Disposable {
  /** The answer, once its head is here. Rejects with system errors as they are. */
  readonly answer: Promise<Answer>;
  /** Resolves once somebody is there to take the request. */
  readonly connected: Promise<void>;
  /** Sends a part of a body that the request said is chunked; resolves when more can be sent, or to false when nobody takes more. */
  send(bytes: Uint8Array): Promise<boolean>;
  /** Ends that body. */
  endBody(): void;
  /** Closes our half: the server sees that we want no more, and can still tell how it ended. */
  halfClose(): void;
}

export interface Answer {
  readonly status: number;
  /** Of its head, by their names in small letters. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Sends a request over a unix socket: as much of HTTP/1.1 (RFC 9112) as one request a connection needs.
 *
 * Node's own client would do; but its first request takes 9 ms of CPU time more than this, a third of what `node -e 0`
 * takes in all, and every command of the CLI would pay it.
 */
export function exchange(socketPath: string, request: WireRequest, signal?: AbortSignal): Exchange {
  const socket = connectUnix(socketPath, { ...(signal !== undefined && { signal }) });
  // What reads the answer reports it; this is for one that fails when nobody reads any more.
  socket.on("error", () => {});
  socket.write(requestText(request));
  const answer = readAnswer(byteReader(socket));
  answer.catch(() => {});
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve()).once("error", reject);
  });
  connected.catch(() => {});
  return {
    answer,
    connected,
    async send(bytes) {
      // A chunk of no bytes would be the end (RFC 9112, 7.1).
      if (bytes.length > 0 && !socket.destroyed) {
        socket.cork();
        socket.write(`${bytes.length.toString(16)}\r\n`);
        socket.write(bytes);
        const isTaken = socket.write("\r\n");
        process.nextTick(() => socket.uncork());
        if (!isTaken) await drained(socket);
      }
      return !socket.destroyed;
    },
    endBody: () => void socket.write("0\r\n\r\n"),
    halfClose: () => (socket.connecting ? socket.destroy() : socket.end()),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Resolves when a full socket takes more, or is gone: whoever awaits the answer hears of that. */
async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const goOn = (): void => resolve();
  socket.on("drain", goOn).on("close", goOn);
  await promise;
  socket.off("drain", goOn).off("close", goOn);
}

function requestText({ method, path, body, fields = {} }: WireRequest): string {
  const all = { Host: "localhost", Connection: "close", ...fields };
  const lines = [`${method} ${path} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)];
  if (body !== undefined) {
    lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

async function readAnswer(reader: ByteReader): Promise<Answer> {
  const head = await reader.until("\r\n\r\n", MAX_HEAD_BYTES);
  if (head === undefined) throw connectionLost();
  const [statusLine = "", ...fieldLines] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
  if (status === undefined) throw notOurApi("an answer that is not HTTP");
  const fields = new Map(
    fieldLines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(status), fields, body: readBody(reader, fields) };
}

/** How long a body is: RFC 9112, 6.3. */
function readBody(reader: ByteReader, fields: ReadonlyMap<string, string>): AsyncIterable<Uint8Array> {
  if (fields.get("transfer-encoding")?.toLowerCase() === "chunked") return chunks(reader);
  const length = fields.get("content-length");
  if (length === undefined) return untilClosed(reader);
  if (!/^\d{1,15}$/.test(length)) throw notOurApi(`a body of ${JSON.stringify(length)} bytes`);
  return exactly(reader, Number(length));
}

async function* chunks(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (;;) {
    const line = await reader.until("\r\n", MAX_CHUNK_LINE_BYTES);
    if (line === undefined) throw connectionLost();
    const digits = /^[0-9a-f]{1,8}(?=$|[; \t])/i.exec(line)?.[0];
    if (digits === undefined) throw notOurApi("a chunk without a size");
    const size = Number.parseInt(digits, 16);
    // Fields may follow the last chunk; they mean nothing to us, and the connection ends here.
    if (size === 0) return;
    yield* exactly(reader, size);
    if ((await reader.until("\r\n", 0)) === undefined) throw connectionLost();
  }
}

async function* exactly(reader: ByteReader, size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0;) {
    const piece = await reader.some(left);
    if (piece === undefined) throw connectionLost();
    left -= piece.length;
    yield piece;
  }
}

async function* untilClosed(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (let piece = await reader.some(MAX_HEAD_BYTES); piece !== undefined; piece = await reader.some(MAX_HEAD_BYTES)) {
    yield piece;
  }
}
