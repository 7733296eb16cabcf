import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Description } from "./description.ts";
import type { Log } from "./log.ts";
import { tooNew } from "./versions.ts";
import { type Answer, fault, type Vmm } from "./vmm.ts";

export interface ApiOptions {
  readonly vmm: Vmm;
  readonly version: string;
  readonly log: Log;
  /** HTTP_MAX_PAYLOAD_SIZE of Firecracker, unless told otherwise. */
  readonly maxBodyBytes: number;
  /** Absent where the official description is not at hand. */
  readonly description: Description | undefined;
}

/** Firecracker drops the eleventh. */
const MAX_CONNECTIONS = 10;

/** Serves the API. There is one thread to answer: who asks while it is busy waits. */
export function apiServer(options: ApiOptions): Server {
  let busy: Promise<void> = Promise.resolve();
  const server = createServer((request, response) => {
    busy = busy.then(() => respond(options, request, response));
  });
  // Firecracker closes no connection for being silent.
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function respond(options: ApiOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { log, maxBodyBytes } = options;
  try {
    if (request.headers["transfer-encoding"] !== undefined) {
      return send(response, {
        status: 400,
        body: { error: "Invalid header. Reason: Transfer-Encoding is not supported." },
      });
    }
    const text = await readBody(request, maxBodyBytes);
    if (text === undefined) {
      send(response, {
        status: 400,
        body: {
          error: `Request payload with size ${request.headers["content-length"] ?? "?"} is larger than the limit of ${maxBodyBytes} allowed by server.\nAll previous unanswered requests will be dropped.`,
        },
      });
      request.destroy();
      return;
    }
    const method = request.method ?? "GET";
    const path = request.url ?? "/";
    log.write(
      "INFO",
      `The API server received a ${method} request on "${path}"${path === "/mmds" || text === "" ? "" : ` with body ${JSON.stringify(text)}`}.`,
    );
    const answer = await answerTo(options, method, path, text);
    const said = options.description?.response(method, path, answer.status, answer.body);
    if (said !== undefined)
      throw new Error(`the stand-in would answer ${method} ${path} as Firecracker does not: ${said}`);
    if (answer.status >= 400)
      log.write("ERROR", `Received Error. Status code: ${answer.status}. Message: ${JSON.stringify(answer.body)}`);
    send(response, answer);
  } catch (error) {
    log.write("ERROR", String(error));
    response.destroy();
  }
}

async function answerTo(
  { vmm, version, description }: ApiOptions,
  method: string,
  path: string,
  text: string,
): Promise<Answer> {
  if (method === "DELETE" && vmm.hasStarted) return vmm.handle({ method, path, body: undefined });
  if (method !== "GET" && method !== "PUT" && method !== "PATCH") return fault(`Unsupported HTTP method: ${method}`);
  if (method === "GET" && text !== "") return fault("GET request cannot have a body.");
  if (method === "PUT" && text === "") return fault("Empty PUT request.");
  let body: unknown;
  try {
    body = text === "" ? undefined : (JSON.parse(text) as unknown);
  } catch (error) {
    return fault(notJson(error instanceof Error ? error.message : String(error)));
  }
  if (path !== "/mmds" && hasFraction(text)) return fault(notJson("invalid type: floating point, expected an integer"));
  const strange = tooNew(version, path, body) ?? description?.request(method, path, body);
  if (strange !== undefined) return fault(notJson(strange));
  return vmm.handle({ method, path, body });
}

/** All numbers of the API are whole, and written so: `128.0` is none. */
function hasFraction(json: string): boolean {
  return /\d(?:\.\d|[eE])/.test(json.replace(/"(?:\\.|[^"\\])*"/g, '""'));
}

function notJson(why: string): string {
  return `An error occurred when deserializing the json body of a request: ${why}.`;
}

/** The body as text; undefined when it passes the limit, of which no more is read. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > maxBytes) return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { server: "Firecracker API", "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
