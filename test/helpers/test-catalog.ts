import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { zstdCompressSync } from "node:zlib";
import type { CatalogKernel, KernelCatalog } from "../../src/model/kernel-catalog.ts";
import { buildKernel } from "./elf-builder.ts";
import { MinisignTestKey } from "./minisign-key.ts";
import { TarBuilder } from "./tar-builder.ts";
import type { TestAuthority } from "./test-authority.ts";

/** Answers a request in its own way. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

export const ARCHIVE_NAME = "k_6.12.7_amd64.tar.zst";

/**
 * A catalog on a web server of its own, over https, with one kernel `k`: all signed by a key made here. Its files can be
 * changed under way, and each can be answered in another way.
 */
export class TestCatalog implements AsyncDisposable {
  readonly key = new MinisignTestKey();
  readonly files = new Map<string, Buffer>();
  readonly answers = new Map<string, Answer>();
  readonly requests: { readonly path: string; readonly range: string | undefined }[] = [];
  readonly host: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(authority: TestAuthority): Promise<TestCatalog> {
    const server = createServer(authority.tls);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const catalog = new TestCatalog(server);
    server.on("request", (request, response) => catalog.#answer(request, response));
    catalog.publish(1);
    return catalog;
  }

  get url(): string {
    return `https://${this.host}/catalog.json`;
  }

  /** Puts a kernel's archive there, and an edition of the catalog that names it. */
  publish(serial: number, archive = kernelArchive(), change: Partial<CatalogKernel> = {}): KernelCatalog {
    this.files.set(ARCHIVE_NAME, archive);
    const catalog: KernelCatalog = {
      version: 1,
      serial,
      issuedAt: "2026-11-24T00:00:00Z",
      kernels: [{ ...this.entry(archive), ...change }],
    };
    this.put(catalog);
    return catalog;
  }

  /** A kernel as the catalog names it. */
  entry(archive: Buffer, urls: readonly string[] = [ARCHIVE_NAME]): CatalogKernel & { archive: object } {
    return {
      name: "k",
      version: "6.12.7",
      arch: "amd64",
      supports: { vmm: ["qemu"], microvm: true, features: [] },
      archive: { urls: [...urls], sha256: sha256(archive), size: archive.length, signature: this.key.sign(archive) },
    };
  }

  /** Signs what is to be the catalog, and puts both there. */
  put(catalog: object, key = this.key): void {
    const data = Buffer.from(JSON.stringify(catalog));
    this.files.set("catalog.json", data);
    this.files.set("catalog.json.minisig", Buffer.from(key.sign(data)));
  }

  /** Changes one byte in the middle of a file. */
  tamper(path: string): void {
    const content = Buffer.from(this.files.get(path) ?? "");
    const at = Math.floor(content.length / 2);
    content[at] = (content[at] ?? 0) ^ 1;
    this.files.set(path, content);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").slice(1);
    const { range } = request.headers;
    this.requests.push({ path, range });
    response.on("error", () => {});
    const answer = this.answers.get(path);
    const content = this.files.get(path);
    if (answer !== undefined) return void answer(request, response);
    if (content === undefined) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const headers = { "content-length": content.length - from };
    if (from === 0) response.writeHead(200, headers);
    else
      response.writeHead(206, { ...headers, "content-range": `bytes ${from}-${content.length - 1}/${content.length}` });
    response.end(content.subarray(from));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

export function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A kernel's archive as publish-kernel.sh packs one. */
export function kernelArchive(image: Buffer = buildKernel("6.12.7-test", { pvh: true })): Buffer {
  const config = "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n";
  return zstdCompressSync(new TarBuilder().file("image", image).file("config", config).end());
}
