import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { join } from "node:path";
import type { TestLayout } from "./test-layout.ts";

/** Answers a request in its own way, or lets the registry: `serve()`. */
export type Fault = (request: IncomingMessage, response: ServerResponse, serve: () => Promise<void>) => unknown;

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** A registry in this process that has one image, under any name, and the faults that a test gives it. */
export class FaultRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly requests: SeenRequest[] = [];
  readonly #server: Server;

  private constructor(host: string, server: Server) {
    this.host = host;
    this.#server = server;
  }

  static async start(
    layout: TestLayout | undefined,
    fault: Fault = (_, __, serve) => serve(),
    tls?: { readonly key: string; readonly cert: string },
  ): Promise<FaultRegistry> {
    const server = tls === undefined ? createServer() : createSecureServer(tls);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    const registry = new FaultRegistry(`127.0.0.1:${address.port}`, server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      registry.requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers });
      response.on("error", () => {});
      void (async () => {
        await fault(request, response, () => serve(layout, request, response));
      })();
    });
    return registry;
  }

  get reference(): string {
    return `${this.host}/test/image:1`;
  }

  /** Requests for blobs' contents, in their order. */
  get blobRequests(): SeenRequest[] {
    return this.requests.filter(({ url }) => url.includes("/blobs/"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

async function serve(
  layout: TestLayout | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const match = /^\/v2\/test\/image\/(manifests|blobs)\/(.+)$/.exec(request.url ?? "");
  if (request.url === "/v2/" || layout === undefined || match === null) {
    response.writeHead(request.url === "/v2/" ? 200 : 404).end();
    return;
  }
  const isDigest = (match[2] ?? "").startsWith("sha256:");
  const entry = layout.entry as { readonly digest: string; readonly mediaType: string };
  const digest = isDigest ? (match[2] ?? "") : entry.digest;
  const data = await readFile(join(layout.folder, "blobs", "sha256", digest.slice(7))).catch(() => undefined);
  if (data === undefined) {
    response.writeHead(404).end();
    return;
  }
  const type = match[1] === "manifests" ? entry.mediaType : "application/octet-stream";
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? -1);
  if (from >= 0) {
    response.writeHead(206, {
      "content-type": type,
      "content-length": data.length - from,
      "content-range": `bytes ${from}-${data.length - 1}/${data.length}`,
    });
    response.end(data.subarray(from));
    return;
  }
  response.writeHead(200, { "content-type": type, "content-length": data.length });
  response.end(data);
}
