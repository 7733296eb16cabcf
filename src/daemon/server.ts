import { once } from "node:events";
import { Server as NetServer } from "node:net";
import { Readable } from "node:stream";
import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { contract } from "../api/contract.ts";
import { endpoints, type EndpointName } from "../api/endpoints.ts";
import { asBangerError, BangerError, toErrorBody } from "../lib/errors.ts";
import type { OperationContext } from "../lib/progress.ts";
import { listenUnix } from "../lib/unix-socket.ts";
import type { Handlers } from "./handlers.ts";
import { operationLines } from "./operation-lines.ts";
import { readInput } from "./read-input.ts";
import { acceptSockets } from "./sockets.ts";

const MAX_BODY_BYTES = 1024 ** 2;

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
  for (const name of Object.keys(endpoints)) {
    if (isEndpoint(name) && endpoints[name].kind !== "socket") addRoute(app, name, handlers, log);
  }
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
  const app = Fastify({ loggerInstance: log.child({}, { level: "warn" }), bodyLimit: MAX_BODY_BYTES });
  // A client that closes its own half cancels, and still hears how that ended.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  app.setErrorHandler((error, _request, reply) => sendError(reply, requestError(error), log));
  app.setNotFoundHandler((request, reply) => {
    sendError(
      reply,
      new BangerError("BAD_REQUEST", {
        what: `there is no ${request.method} ${request.url}`,
        fix: "see `banger openapi` for what there is; a newer client needs a newer daemon: `banger daemon stop` starts it anew",
      }),
      log,
    );
  });
  return app;
}

function isEndpoint(name: string): name is EndpointName {
  return Object.hasOwn(endpoints, name);
}

function addRoute(app: App, name: EndpointName, handlers: Handlers, log: Logger): void {
  const { kind, method, path } = endpoints[name];
  app.route({
    method,
    url: path.replace(/\{(\w+)\}/g, ":$1"),
    async handler(request, reply) {
      const input = readInput(contract[name], request) as never;
      const signal = cancelSignal(request, reply);
      switch (kind) {
        case "call":
          return (handlers.calls as Record<string, AnyCall>)[name]?.(input, signal);
        case "text": {
          const chunks = (handlers.texts as Record<string, AnyText>)[name]?.(input, signal);
          return reply.type("text/plain; charset=utf-8").send(Readable.from(chunks ?? []));
        }
        case "operation": {
          const operation = (handlers.operations as Record<string, AnyOperation>)[name];
          return operation === undefined ? undefined : sendOperation(reply, (c) => operation(input, c), signal, log);
        }
        case "socket":
          return undefined;
      }
    },
  });
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
    if (!raw.write(`${JSON.stringify(body)}\n`)) await Promise.race([once(raw, "drain"), once(raw, "close")]);
  }
  raw.end();
}

function requestError(error: unknown): BangerError {
  if (
    error instanceof Error &&
    "statusCode" in error &&
    typeof error.statusCode === "number" &&
    error.statusCode < 500
  ) {
    return new BangerError("BAD_REQUEST", {
      what: "the request cannot be read",
      why: error.message,
      fix: "send JSON as `banger openapi` describes it",
      cause: error,
    });
  }
  return asBangerError(error);
}

function sendError(reply: FastifyReply, error: BangerError, log: Logger): void {
  if (error.code === "INTERNAL") log.error({ err: error.cause ?? error }, "a request failed");
  void reply
    .status(error.status)
    .type("application/json")
    .send({ error: toErrorBody(error) });
}
