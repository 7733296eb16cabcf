import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { callbackify } from "node:util";
import {
  ForbiddenAddress,
  guardedLookup,
  isThisMachine,
  whyForbidden,
  type LinkedBy,
} from "../../lib/address-guard.ts";

const REDIRECT_STATUSES: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 20;

/**
 * Sends a GET request and follows redirects, but from no other machine to this one and nowhere to link-local addresses.
 * The body must be read, by {@link readBody}, or destroyed.
 *
 * @throws ForbiddenAddress where a redirect must not be followed.
 */
export async function get(
  url: URL,
  headers: http.OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  let from = url;
  let linkedBy: LinkedBy | undefined;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await getOnce(from, headers, linkedBy, signal);
    const { location } = response.headers;
    if (!REDIRECT_STATUSES.includes(response.statusCode) || location === undefined) return response;
    const { remoteAddress = "" } = response.socket;
    linkedBy = { isHere: isThisMachine(from.hostname) || isThisMachine(remoteAddress) };
    response.destroy();
    from = linkedUrl(from, location);
  }
  throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
}

async function getOnce(
  url: URL,
  headers: http.OutgoingHttpHeaders,
  linkedBy: LinkedBy | undefined,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const forbidden = whyForbidden(url.hostname, linkedBy);
  if (forbidden !== undefined) throw new ForbiddenAddress(`${url.host}: ${forbidden}`);
  const request = (url.protocol === "https:" ? https : http).get(url, {
    headers,
    signal,
    lookup: guardedLookup(url.hostname, linkedBy),
    // A connection that the user's word opened is not had by another's.
    ...(linkedBy !== undefined && { agent: false }),
  });
  // Errors that come after the response show in its body, too.
  request.on("error", () => {});
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  return response;
}

function linkedUrl(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to?.protocol === "http:" || to?.protocol === "https:") return to;
  throw new ForbiddenAddress(
    `it redirects to what is no URL of http or https: ${JSON.stringify(location.slice(0, 200))}`,
  );
}

/**
 * Hands on a body as it comes, a chunk at a time; each is gone when `write` has ended.
 *
 * To the collector a chunk is a small object, so it lets some 30 MB of them pile up: their memory is given back here.
 */
export async function readBody(
  response: http.IncomingMessage,
  write: (chunk: Buffer) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const take = callbackify(async (chunk: Buffer<ArrayBuffer>) => {
    await write(chunk);
    if (chunk.byteLength === chunk.buffer.byteLength) chunk.buffer.transfer(0);
  });
  // Not `for await`, which puts chunks together that have come together.
  const sink = new Writable({ write: (chunk: Buffer<ArrayBuffer>, _encoding, done) => take(chunk, done) });
  await pipeline(response, sink, { signal });
}
