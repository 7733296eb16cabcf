import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface PackageIndex extends AsyncDisposable {
  readonly port: number;
  /** Names of the files that were fetched. */
  readonly fetched: readonly string[];
}

/** Serves a folder of wheels and source archives on loopback, as PEP 503 has it. */
export async function packageIndex(folder: string): Promise<PackageIndex> {
  const files = new Map<string, Buffer>();
  for (const name of await readdir(folder)) files.set(name, await readFile(join(folder, name)));
  const fetched: string[] = [];
  const server = createServer((request, response) => {
    const [, kind, name = ""] = decodeURIComponent(request.url ?? "/").split("/");
    const content = files.get(name);
    if (kind === "files" && content !== undefined) {
      fetched.push(name);
      return response.end(content);
    }
    const links = [...files].filter(([file]) => kind === "simple" && projectOf(file) === name);
    if (links.length === 0) return response.writeHead(404).end();
    const anchors = links.map(([file, bytes]) => `<a href="/files/${file}#sha256=${sha256(bytes)}">${file}</a>`);
    return response.setHeader("content-type", "text/html").end(`<!doctype html><body>${anchors.join("<br>")}</body>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    fetched,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `charset_normalizer-3.4.0-cp311….whl` → `charset-normalizer` */
function projectOf(file: string): string {
  return (file.split("-")[0] ?? "").toLowerCase().replace(/[-_.]+/g, "-");
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
