import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { BangerError } from "../lib/errors.ts";

/** What is asked of an app: any of Fastify's, whatever its logger. */
type App = Pick<FastifyInstance, "addContentTypeParser">;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Its body is a stream of bytes, and no JSON. */
    readonly takesBytes?: boolean;
  }
}

/** Hands bodies of any type that is not JSON to the routes that take bytes, as they come; others go on refusing them. */
export function takeUploads(app: App): void {
  app.addContentTypeParser("*", (request, payload, done) => {
    if (request.routeOptions.config.takesBytes === true) done(null, payload);
    else done(Object.assign(new Error("Unsupported Media Type"), { statusCode: 415 }));
  });
}

/**
 * The bytes of an upload.
 *
 * @throws BangerError `BAD_REQUEST` for a body that was taken for something else by its type.
 */
export function uploadedBytes({ body }: FastifyRequest): AsyncIterable<Uint8Array> {
  // Given up, it is not destroyed: the connection is still to carry the answer. What is left of it Node throws away.
  if (body instanceof Readable) return body.iterator({ destroyOnReturn: false });
  if (body === undefined) return Readable.from([]);
  throw new BangerError("BAD_REQUEST", {
    what: "the body is not taken as bytes",
    why: "its content-type says that it is text or JSON",
    fix: "send it as application/octet-stream",
  });
}
