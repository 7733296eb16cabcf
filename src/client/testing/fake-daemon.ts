import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { type EndpointName, endpoints } from "../../api/endpoints.ts";

export interface FakeRequest {
  readonly name: EndpointName;
  /** What stood in the path and in the query. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
  readonly message: IncomingMessage;
}

export interface FakeHandlers {
  answer?(request: FakeRequest, response: ServerResponse): void | Promise<void>;
  socket?(webSocket: WebSocket, request: Omit<FakeRequest, "body">): void;
}

export interface FakeDaemon extends AsyncDisposable {
  readonly folder: string;
  readonly socketPath: string;
}

/**
 * An HTTP and WebSocket server on a unix socket that routes by the contract's endpoints and answers as a test wants:
 * what the client meets at the other end of its wire, and nothing of the daemon itself.
 */
export async function fakeDaemon(handlers: FakeHandlers): Promise<FakeDaemon> {
  const folder = await mkdtemp(join(tmpdir(), "banger-fake-"));
  const socketPath = join(folder, "bangerd.sock");
  const server = createServer((message, response) => {
    const found = match(message, (kind) => kind !== "socket");
    if (found === undefined) {
      response.writeHead(404).end("no such route");
      return;
    }
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      void handlers.answer?.({ ...found, body, message }, response);
    });
  });
  Object.assign(server, { httpAllowHalfOpen: true });
  const acceptor = new WebSocketServer({ noServer: true });
  server.on("upgrade", (message: IncomingMessage, stream, head: Buffer) => {
    const found = match(message, (kind) => kind === "socket");
    if (found === undefined || handlers.socket === undefined) {
      const body = JSON.stringify({ error: { code: "VM_NOT_FOUND", what: "there is no VM", fix: "list them" } });
      stream.end(`HTTP/1.1 404 Not Found\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
      return;
    }
    acceptor.handleUpgrade(message, stream, head, (webSocket) => handlers.socket?.(webSocket, { ...found, message }));
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(socketPath, resolve);
  await listening;
  return {
    folder,
    socketPath,
    async [Symbol.asyncDispose]() {
      for (const webSocket of acceptor.clients) webSocket.terminate();
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Sends a JSON answer. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function match(
  message: IncomingMessage,
  wanted: (kind: string) => boolean,
): Pick<FakeRequest, "name" | "fields"> | undefined {
  const { pathname, searchParams } = new URL(message.url ?? "/", "http://localhost");
  for (const [name, { kind, method, path }] of Object.entries(endpoints)) {
    if (!wanted(kind) || method !== message.method) continue;
    const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
    const groups = pattern.exec(pathname)?.groups ?? (pattern.test(pathname) ? {} : undefined);
    if (groups === undefined) continue;
    const inPath = Object.entries(groups).map(([field, value]) => [field, decodeURIComponent(value)]);
    return {
      name: name as EndpointName,
      fields: { ...Object.fromEntries(inPath), ...Object.fromEntries(searchParams) },
    };
  }
  return undefined;
}
