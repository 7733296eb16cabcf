import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { errorFromWire, isRecord, notOurApi } from "./daemon-errors.ts";
import type { WireRequest } from "./wire-request.ts";

// Not an import: as an ES module, node:http evaluates all it exports, WebSocket among them, and that costs 40 ms.
const http = process.getBuiltinModule("node:http");

/** Most that an answer in one piece may have: a list of some ten thousand VMs. */
const MAX_ANSWER_BYTES = 64 * 1024 ** 2;

/** Begins a request on a unix socket. Aborting the signal destroys it. */
export function beginRequest(socketPath: string, request: WireRequest, signal?: AbortSignal): ClientRequest {
  const options: RequestOptions = {
    socketPath,
    method: request.method,
    path: request.path,
    // One connection a request: closing it is how an operation is cancelled.
    agent: false,
    headers: {
      host: "localhost",
      ...(request.body !== undefined && {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(request.body),
      }),
    },
    ...(signal !== undefined && { signal }),
  };
  return http.request(options).end(request.body);
}

/**
 * The answer, once its head is here and says success; its body is the caller's to read.
 *
 * @throws BangerError what the daemon told; system errors as they are.
 */
export async function successOf(request: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.once("response", resolve);
  request.on("error", reject);
  const response = await promise;
  if (response.statusCode === 200) return response;
  throw await errorOf(response);
}

/** The error in an answer that is no success. */
export async function errorOf(response: IncomingMessage): Promise<Error> {
  const body = await readJson(response);
  return isRecord(body) && "error" in body
    ? errorFromWire(body["error"])
    : notOurApi(`HTTP status ${response.statusCode ?? "missing"}`);
}

/** Reads a whole body of JSON, up to a bound. */
export async function readJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    if (length > MAX_ANSWER_BYTES) {
      response.destroy();
      throw notOurApi(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(bytes);
  }
  return parseJson(Buffer.concat(chunks).toString("utf8"));
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOurApi(`not JSON: ${JSON.stringify(text.slice(0, 80))}`);
  }
}
