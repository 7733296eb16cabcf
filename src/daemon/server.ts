import type { IncomingMessage } from "node:http";
import { Server as NetServer } from "node:net";
import { Readable, type Writable } from "node:stream";
import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Route, Routes } from "../api/route.ts";
import { onBehalfOf } from "../core/cause.ts";
import type { Request } from "../core/handlers.ts";
import type { Operation, Operations } from "../core/operations.ts";
import { toErrorBody } from "../lib/errors.ts";
import { listenUnix } from "../lib/unix-socket.ts";
import { eventStream, LAST_EVENT_FIELD } from "./event-stream.ts";
import { operationLines } from "./operation-lines.ts";
import { readInput } from "./read-input.ts";
import { notServed, refusalOf, refusalOfParser, refuseOn, unreadable, type Refusal } from "./request-errors.ts";
import { acceptSockets } from "./sockets.ts";
import { takeUploads, uploadedBytes } from "./uploads.ts";
import { handlerOf, type AnyHandlers, type HandlerOfKind } from "./any-handlers.ts";

const MAX_BODY_BYTES = 1024 ** 2;
/** As much of a URL as is repeated. */
const MAX_SHOWN_URL = 200;
/** Names an operation in the head of its answer. */
const OPERATION_FIELD = "banger-operation";
/** In a request for an operation: `true` has it go on when the client goes away. */
const DETACH_FIELD = "banger-detach";
const LINES_TYPE = "application/x-ndjson";
/** Whoever can open the daemon's socket is its owner: its mode lets nobody else. */
const OWNER = "owner";

/** What a server answers, and by whom. */
export interface Served {
  readonly routes: Routes;
  readonly handlers: AnyHandlers;
  readonly operations: Operations;
}

export interface ApiServer {
  /** Answers on this unix socket, readable by nobody else, once the promise resolves; and on no other that it had before. */
  listen(socketPath: string): Promise<void>;
  /** Takes no more connections. Those that are open end with the process: that is how `daemon stop` sees it end. */
  close(): void;
}

/**
 * The HTTP face of routes: it parses, routes and answers, and knows nothing else.
 *
 * @throws Error for a route without a handler: such a daemon is built wrong.
 */
export function createServer(served: Served, log: Logger): ApiServer {
  const app = newApp(log);
  for (const [name, route] of Object.entries(served.routes)) {
    if (route.kind === "socket") handlerOf(served.handlers, name, route.kind);
    else addRoute(app, name, route, served, log);
  }
  acceptSockets(app.server, served, OWNER, log);
  let name: Disposable | undefined;
  const close = (): void => {
    // Connections that are open stay so; a server's own close would wait for them, or end them.
    NetServer.prototype.close.call(app.server);
    name?.[Symbol.dispose]();
    name = undefined;
  };
  return {
    async listen(socketPath) {
      await app.ready();
      if (app.server.listening) close();
      // The folder is 0700 already; the mode says so for the socket too.
      const before = process.umask(0o177);
      try {
        name = await listenUnix(app.server, socketPath);
      } finally {
        process.umask(before);
      }
    },
    close,
  };
}

type App = ReturnType<typeof newApp>;

function newApp(log: Logger) {
  const app = Fastify({
    loggerInstance: log.child({}, { level: "warn" }),
    bodyLimit: MAX_BODY_BYTES,
    frameworkErrors: (error, _request, reply) => sendError(reply, refusalOf(error), log),
    clientErrorHandler(error, socket) {
      if (error.code !== "ECONNRESET" && socket.writable) refuseOn(socket, refusalOfParser(error));
      else socket.destroy();
    },
  });
  // A client that closes its own half cancels, and still hears how that ended.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  app.server.on("checkExpectation", ({ socket }: IncomingMessage) =>
    refuseOn(socket, { status: 417, error: unreadable("it expects what is not done here") }),
  );
  takeUploads(app);
  app.setErrorHandler((error, _request, reply) => sendError(reply, refusalOf(error), log));
  app.setNotFoundHandler(({ method, url }, reply) =>
    sendError(reply, notServed(`there is no ${method} ${url.slice(0, MAX_SHOWN_URL)}`), log),
  );
  return app;
}

function addRoute(app: App, name: string, route: Route, served: Served, log: Logger): void {
  const answer = answering(name, route, served, log);
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ":$1"),
    config: { takesBytes: route.kind === "upload" },
    handler: (request, reply) =>
      answer(readInput(route, request), { signal: cancelSignal(request, reply), caller: OWNER }, request, reply),
  });
}

type Input = ReturnType<typeof readInput>;
type Answer = (input: Input, asked: Request, request: FastifyRequest, reply: FastifyReply) => unknown;

function answering(name: string, { kind, media }: Route, { handlers, operations }: Served, log: Logger): Answer {
  switch (kind) {
    case "call": {
      const call = handlerOf(handlers, name, kind);
      return (input, asked) => onBehalfOf({ caller: asked.caller }, () => call(input, asked));
    }
    case "text": {
      const chunksOf = handlerOf(handlers, name, kind);
      return (input, asked, _request, reply) =>
        reply.type(media ?? "text/plain; charset=utf-8").send(Readable.from(chunksOf(input, asked)));
    }
    case "upload": {
      const take = handlerOf(handlers, name, kind);
      return (input, asked, request) =>
        onBehalfOf({ caller: asked.caller }, () => take(input, uploadedBytes(request), asked));
    }
    case "events": {
      const eventsOf = handlerOf(handlers, name, kind);
      return (input, asked, request, reply) => {
        const last = Number(request.headers[LAST_EVENT_FIELD]);
        const from = Number.isSafeInteger(last) && last >= 0 ? { ...input, after: last } : input;
        return reply.type("text/event-stream").send(Readable.from(eventStream(eventsOf(from, asked), log)));
      };
    }
    case "operation": {
      const work = handlerOf(handlers, name, kind);
      return (input, asked, request, reply) =>
        sendOperation(reply, beginFor(operations, { name, input, request }, asked, work), log);
    }
    case "socket":
      throw new Error(`${name} is no request`);
  }
}

/** Begins an operation that its client's going away cancels, unless it asked for it to go on. */
function beginFor(
  operations: Operations,
  of: { readonly name: string; readonly input: Input; readonly request: FastifyRequest },
  { signal, caller }: Request,
  work: HandlerOfKind["operation"],
): Operation {
  const detached = of.request.headers[DETACH_FIELD] === "true";
  const { name, input } = of;
  const operation = operations.begin({ name, caller, subject: subjectOf(input), detached }, (asked) =>
    work(input, asked),
  );
  if (detached) return operation;
  if (signal.aborted) operation.cancel();
  else signal.addEventListener("abort", () => operation.cancel(), { once: true });
  return operation;
}

/** What an input calls the object that it is about. */
function subjectOf({ ref, name, reference }: Input): string | undefined {
  return [ref, name, reference].find((word) => typeof word === "string");
}

/** Aborts when the client goes away, or closes its half, before it was answered. */
function cancelSignal(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { socket } = request.raw;
  const cancel = (): void => {
    if (!reply.raw.writableFinished) controller.abort();
  };
  socket.once("end", cancel);
  reply.raw.once("close", () => {
    socket.off("end", cancel);
    cancel();
  });
  return controller.signal;
}

/**
 * Streams an operation's lines. Its status waits for the first of them: an operation that fails at once answers with its
 * error's own status, as a call does. Where the client may leave, it is told the id at once.
 */
async function sendOperation(reply: FastifyReply, operation: Operation, log: Logger): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.setHeader(OPERATION_FIELD, operation.id);
  if (operation.view().detached) raw.writeHead(200, { "content-type": LINES_TYPE }).flushHeaders();
  for await (const line of operationLines(operation)) {
    if ("error" in line && line.error.code === "INTERNAL")
      log.error({ err: line.cause, operation: operation.id }, "an operation failed");
    if (!raw.headersSent) {
      const status = "error" in line ? line.status : 200;
      raw.writeHead(status, { "content-type": status === 200 ? LINES_TYPE : "application/json" });
    }
    const { status: _status, cause: _cause, ...body } = { status: 0, cause: undefined, ...line };
    if (raw.destroyed) continue; // Nobody listens any more; the operation still comes to its end.
    if (!raw.write(`${JSON.stringify(body)}\n`)) await untilTaken(raw);
  }
  raw.end();
}

/** Resolves when a full stream takes more, or will take no more. */
async function untilTaken(stream: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const goOn = (): void => resolve();
  stream.on("drain", goOn).on("close", goOn);
  await promise;
  stream.off("drain", goOn).off("close", goOn);
}

function sendError(reply: FastifyReply, { status, error }: Refusal, log: Logger): void {
  if (error.code === "INTERNAL") log.error({ err: error.cause ?? error }, "a request failed");
  void reply
    .status(status)
    .type("application/json")
    .send({ error: toErrorBody(error) });
}
