import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { TestRegistry } from "./test-registry.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
}

/**
 * A real registry behind a door that a test can hold: blobs stop after so many bytes until it lets them on. So a pull
 * is in its middle for as long as the test likes, whatever the machine's speed.
 */
export class SlowRegistry implements AsyncDisposable {
  readonly host: string;
  readonly requests: Seen[] = [];
  readonly #server: Server;
  #holdAfter = Number.POSITIVE_INFINITY;
  #onHeld: (() => void) | undefined;

  private constructor(host: string, server: Server) {
    this.host = host;
    this.#server = server;
  }

  static async start(behind: TestRegistry): Promise<SlowRegistry> {
    const server = createServer();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    const door = new SlowRegistry(`127.0.0.1:${address.port}`, server);
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) =>
      door.#pass(behind, incoming, outgoing),
    );
    return door;
  }

  /** Lets no blob past this many bytes; resolves when the first one has come that far. */
  hold(afterBytes: number): Promise<void> {
    this.#holdAfter = afterBytes;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onHeld = resolve;
    return promise;
  }

  /** Lets everything pass from now on. What was held is cut. */
  release(): void {
    this.#holdAfter = Number.POSITIVE_INFINITY;
    this.#server.closeAllConnections();
  }

  /** Blobs that were asked for since the last call, each with the range that was asked for. */
  takeBlobRequests(): readonly Seen[] {
    return this.requests.splice(0).filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  #pass(behind: TestRegistry, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = "GET", url: path = "/", headers } = incoming;
    this.requests.push({ method, path, range: headers.range });
    const [hostname, port] = behind.host.split(":");
    const onward = ask({ hostname, port, path, method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      void this.#copy(reply, outgoing, path.includes("/blobs/"));
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("error", () => {});
    incoming.pipe(onward);
  }

  async #copy(reply: IncomingMessage, outgoing: ServerResponse, isBlob: boolean): Promise<void> {
    let passed = 0;
    try {
      for await (const chunk of reply as AsyncIterable<Buffer>) {
        const room = isBlob ? Math.max(0, this.#holdAfter - passed) : chunk.length;
        passed += chunk.length;
        outgoing.write(chunk.subarray(0, room));
        if (room >= chunk.length) continue;
        this.#onHeld?.();
        return;
      }
      outgoing.end();
    } catch {
      outgoing.destroy();
    }
  }
}
