import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import { contract } from "../api/contract.ts";
import { endpoints, type EndpointOf } from "../api/endpoints.ts";
import { MAX_FRAME_BYTES } from "../api/exec-streams.ts";
import { asBangerError, BangerError, toErrorBody } from "../lib/errors.ts";
import type { Handlers } from "./handlers.ts";
import { readInput } from "./read-input.ts";

type SocketName = EndpointOf<"socket">;
type AnySocket = (input: never, socket: WebSocket, signal: AbortSignal) => Promise<void>;

/** Takes the contract's WebSockets. An error before the upgrade is an HTTP answer, after it a text frame. */
export function acceptSockets(server: Server, handlers: Handlers, log: Logger): void {
  const acceptor = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES + 1, perMessageDeflate: false });
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    try {
      const { name, input } = match(request.url ?? "/");
      acceptor.handleUpgrade(request, stream, head, (socket) => {
        void serve((handlers.sockets as Record<SocketName, AnySocket>)[name], input as never, socket, log);
      });
    } catch (error) {
      refuse(stream, asBangerError(error));
    }
  });
}

function match(url: string): { readonly name: SocketName; readonly input: unknown } {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint.kind !== "socket" || !isSocket(name)) continue;
    const pattern = endpoint.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const params = new RegExp(`^${pattern}$`).exec(pathname)?.groups;
    if (params === undefined) continue;
    const decoded = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, decodeURIComponent(value)]));
    return { name, input: readInput(contract[name], { params: decoded, query: Object.fromEntries(searchParams) }) };
  }
  throw new BangerError("BAD_REQUEST", { what: `there is no WebSocket ${pathname}`, fix: "see `banger openapi`" });
}

function isSocket(name: string): name is SocketName {
  return Object.hasOwn(endpoints, name) && endpoints[name as SocketName].kind === "socket";
}

async function serve(handler: AnySocket, input: never, socket: WebSocket, log: Logger): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  socket.on("error", (error) => {
    log.debug({ err: error }, "a WebSocket failed");
    gone.abort();
  });
  try {
    await handler(input, socket, gone.signal);
  } catch (error) {
    const known = asBangerError(error);
    if (known.code === "INTERNAL") log.error({ err: known.cause ?? known }, "a WebSocket's work failed");
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: "error", error: toErrorBody(known) }));
  } finally {
    socket.close();
  }
}

function refuse(stream: Duplex, error: BangerError): void {
  const body = JSON.stringify({ error: toErrorBody(error) });
  stream.end(
    `HTTP/1.1 ${error.status} ${error.code}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
