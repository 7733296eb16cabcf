import type { IncomingMessage } from "node:http";
import { Server as NetServer } from "node:net";
import { Readable, type Writable } from "node:stream";
import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { contract } from "../api/contract.ts";
import { endpoints, type EndpointName, type EndpointOf } from "../api/endpoints.ts";
import { toErrorBody } from "../lib/errors.ts";
import type { OperationContext } from "../lib/progress.ts";
import { listenUnix } from "../lib/unix-socket.ts";
import type { Handlers } from "./handlers.ts";
import { operationLines } from "./operation-lines.ts";
import { readInput } from "./read-input.ts";
import { notServed, refusalOf, refusalOfParser, refuseOn, unreadable, type Refusal } from "./request-errors.ts";
import { acceptSockets } from "./sockets.ts";

const MAX_BODY_BYTES = 1024 ** 2;
/** As much of a URL as is repeated. */
const MAX_SHOWN_URL = 200;

// A table of handlers is checked where it is written; here each is called with what its own schema has let through.
type AnyCall = (input: never, signal: AbortSignal) => unknown;
type AnyOperation = (input: never, context: OperationContext) => Promise<unknown>;
type AnyText = (input: never, signal: AbortSignal) => AsyncIterable<Uint8Array>;

export interface ApiServer {
  /** Answers on this unix socket, readable by nobody else, once the promise resolves; and on no other that it had before. */
  listen(socketPath: string): Promise<void>;
  /** Takes no more connections. Those that are open end with the process: that is how `daemon stop` sees it end. */
  close(): void;
}

/** The HTTP face of the contract: it parses, routes and answers, and knows nothing else. */
export function createServer(handlers: Handlers, log: Logger): ApiServer {
  const app = newApp(log);
  for (const name of requestNames()) addRoute(app, name, handlers, log);
  acceptSockets(app.server, handlers, log);
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
  app.setErrorHandler((error, _request, reply) => sendError(reply, refusalOf(error), log));
  app.setNotFoundHandler(({ method, url }, reply) =>
    sendError(reply, notServed(`there is no ${method} ${url.slice(0, MAX_SHOWN_URL)}`), log),
  );
  return app;
}

type RequestName = Exclude<EndpointName, EndpointOf<"socket">>;

function requestNames(): readonly RequestName[] {
  return Object.keys(endpoints).filter(
    (name): name is RequestName => Object.hasOwn(endpoints, name) && endpoints[name as EndpointName].kind !== "socket",
  );
}

/** @throws Error for a route without a handler: such a daemon is built wrong. */
function handlerOf<T>(table: Readonly<Record<string, T>>, name: EndpointName): T {
  const handler = table[name];
  if (handler === undefined) throw new Error(`the route ${name} has no handler`);
  return handler;
}

function addRoute(app: App, name: RequestName, handlers: Handlers, log: Logger): void {
  const { kind, method, path } = endpoints[name];
  const answer = answering(kind, name, handlers, log);
  app.route({
    method,
    url: path.replace(/\{(\w+)\}/g, ":$1"),
    handler: (request, reply) =>
      answer(readInput(contract[name], request) as never, cancelSignal(request, reply), reply),
  });
}

type Answer = (input: never, signal: AbortSignal, reply: FastifyReply) => unknown;

function answering(kind: "call" | "text" | "operation", name: RequestName, handlers: Handlers, log: Logger): Answer {
  switch (kind) {
    case "call":
      return handlerOf(handlers.calls as Record<string, AnyCall>, name);
    case "text": {
      const chunksOf = handlerOf(handlers.texts as Record<string, AnyText>, name);
      return (input, signal, reply) =>
        reply.type("text/plain; charset=utf-8").send(Readable.from(chunksOf(input, signal)));
    }
    case "operation": {
      const operation = handlerOf(handlers.operations as Record<string, AnyOperation>, name);
      return (input, signal, reply) => sendOperation(reply, (context) => operation(input, context), signal, log);
    }
  }
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
 * error's own status, as a call does.
 */
async function sendOperation(
  reply: FastifyReply,
  operation: (context: OperationContext) => Promise<unknown>,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  for await (const line of operationLines(operation, signal)) {
    if ("error" in line && line.error.code === "INTERNAL") log.error({ err: line.cause }, "an operation failed");
    if (!raw.headersSent) {
      const status = "error" in line ? line.status : 200;
      raw.writeHead(status, { "content-type": status === 200 ? "application/x-ndjson" : "application/json" });
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
