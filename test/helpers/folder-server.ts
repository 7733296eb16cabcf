import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** A folder's files over HTTP, on loopback: what a package manager takes for a mirror. QEMU's user network has it at 10.0.2.2. */
export class FolderServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #folder: string;
  /** Paths that were asked for. */
  readonly requests: string[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(folder: string): Promise<FolderServer> {
    const server = new FolderServer(folder);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
    this.requests.push(path.slice(1));
    const file = join(this.#folder, join("/", path)); // Nothing is above /.
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) return void response.writeHead(404).end();
    response.writeHead(200, { "content-length": found.size });
    if (request.method === "HEAD") return void response.end();
    await pipeline(createReadStream(file), response).catch(() => {}); // Whoever asked may have gone.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
