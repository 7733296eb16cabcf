import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import { contract } from "../api/contract.ts";
import { endpoints, type EndpointOf } from "../api/endpoints.ts";
import { MAX_FRAME_BYTES } from "../api/exec-streams.ts";
import { asBangerError, toErrorBody } from "../lib/errors.ts";
import type { Handlers } from "./handlers.ts";
import { readInput } from "./read-input.ts";
import { notServed, refusalOf, refuseOn, unreadable } from "./request-errors.ts";

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
      refuseOn(stream, error instanceof NotServed ? notServed(error.message) : refusalOf(error));
    }
  });
}

function match(url: string): { readonly name: SocketName; readonly input: unknown } {
  const { pathname, searchParams } = parseUrl(url);
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint.kind !== "socket" || !isSocket(name)) continue;
    const pattern = endpoint.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const params = new RegExp(`^${pattern}$`).exec(pathname)?.groups;
    if (params === undefined) continue;
    const inPath = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, decoded(value)]));
    return { name, input: readInput(contract[name], { params: inPath, query: Object.fromEntries(searchParams) }) };
  }
  throw new NotServed(`there is no WebSocket ${pathname.slice(0, 200)}`);
}

class NotServed extends Error {}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url, "http://localhost");
  if (parsed === null) throw unreadable("its path is none");
  return parsed;
}

function decoded(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch (error) {
    throw unreadable("an escape in its path is none of UTF-8", error);
  }
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
