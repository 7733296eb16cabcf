import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, join } from "node:path";

/** Answers with the file of this name in a folder, or 404: the least that a web server does. */
export function sendFile(folder: string, request: IncomingMessage, response: ServerResponse): void {
  createReadStream(join(folder, basename(request.url ?? "")))
    .on("error", () => response.writeHead(404).end())
    .pipe(response);
}
