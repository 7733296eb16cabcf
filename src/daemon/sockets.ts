import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import { MAX_FRAME_BYTES } from "../api/exec-streams.ts";
import type { Route, Routes } from "../api/route.ts";
import { onBehalfOf } from "../core/cause.ts";
import { asBangerError, toErrorBody } from "../lib/errors.ts";
import { handlerOf, type AnyHandlers, type HandlerOfKind } from "./any-handlers.ts";
import { readInput } from "./read-input.ts";
import { notServed, refusalOf, refuseOn, unreadable } from "./request-errors.ts";

/** Takes WebSockets by their routes. An error before the upgrade is an HTTP answer, after it a text frame. */
export function acceptSockets(server: Server, { routes, handlers }: Sockets, caller: string, log: Logger): void {
  const acceptor = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES + 1, perMessageDeflate: false });
  const doors = Object.entries(routes)
    .filter(([, { kind }]) => kind === "socket")
    .map(([name, route]) => ({ route, pattern: patternOf(route.path), handler: handlerOf(handlers, name, "socket") }));
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    try {
      const { door, input } = match(doors, request.url ?? "/");
      acceptor.handleUpgrade(request, stream, head, (socket) => void serve(door, input, socket, caller, log));
    } catch (error) {
      refuseOn(stream, error instanceof NotServed ? notServed(error.message) : refusalOf(error));
    }
  });
}

interface Sockets {
  readonly routes: Routes;
  readonly handlers: AnyHandlers;
}

/** A route for WebSockets. */
interface Door {
  readonly route: Route;
  readonly pattern: RegExp;
  readonly handler: HandlerOfKind["socket"];
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
}

function match(doors: readonly Door[], url: string): { readonly door: Door; readonly input: Input } {
  const { pathname, searchParams } = parseUrl(url);
  for (const door of doors) {
    const params = door.pattern.exec(pathname)?.groups;
    if (params === undefined) continue;
    const inPath = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, decoded(value)]));
    return { door, input: readInput(door.route, { params: inPath, query: Object.fromEntries(searchParams) }) };
  }
  throw new NotServed(`there is no WebSocket ${pathname.slice(0, 200)}`);
}

type Input = ReturnType<typeof readInput>;

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

async function serve({ handler }: Door, input: Input, socket: WebSocket, caller: string, log: Logger): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  socket.on("error", (error) => {
    log.debug({ err: error }, "a WebSocket failed");
    gone.abort();
  });
  try {
    await onBehalfOf({ caller }, () => handler(input, socket, { signal: gone.signal, caller }));
  } catch (error) {
    const known = asBangerError(error);
    if (known.code === "INTERNAL") log.error({ err: known.cause ?? known }, "a WebSocket's work failed");
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: "error", error: toErrorBody(known) }));
  } finally {
    socket.close();
  }
}
