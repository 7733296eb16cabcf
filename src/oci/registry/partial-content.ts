import { BangerError } from "../../lib/errors.ts";
import type { HttpReply } from "../../http/http-transport.ts";
import { sizeMismatch } from "../source/image-source.ts";
import type { Descriptor } from "../manifest/manifest.ts";

/**
 * The bytes of a blob from `offset` on, out of a reply that gives them from there or, where the server knows no ranges,
 * all of them again.
 *
 * @throws BangerError `REGISTRY_FAILED` for another part than was asked for, `SIZE_MISMATCH` for another length.
 */
export async function* contentFrom(reply: HttpReply, descriptor: Descriptor, offset: number): AsyncGenerator<Buffer> {
  const isPart = reply.status === 206;
  if (isPart) checkRange(reply, descriptor, offset);
  checkLength(reply, descriptor, isPart ? offset : 0);
  let skip = isPart ? 0 : offset;
  for await (const chunk of reply.body) {
    if (skip >= chunk.length) {
      skip -= chunk.length;
      continue;
    }
    yield skip === 0 ? chunk : chunk.subarray(skip);
    skip = 0;
  }
}

function checkRange(reply: HttpReply, descriptor: Descriptor, offset: number): void {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(reply.headers["content-range"] ?? "");
  const fits =
    range !== null &&
    Number(range[1]) === offset &&
    Number(range[2]) === descriptor.size - 1 &&
    (range[3] === "*" || Number(range[3]) === descriptor.size);
  if (fits) return;
  reply.discard();
  throw new BangerError("REGISTRY_FAILED", {
    what: "the registry answered with another part of a blob than was asked for",
    why: `asked for bytes from ${offset} of ${descriptor.size}, got "${reply.headers["content-range"] ?? "no range"}"`,
    fix: "pull it again; if it stays so, ask whoever runs the registry",
  });
}

function checkLength(reply: HttpReply, descriptor: Descriptor, offset: number): void {
  const length = reply.headers["content-length"];
  if (length === undefined || Number(length) === descriptor.size - offset) return;
  reply.discard();
  throw sizeMismatch(descriptor, offset + Number(length));
}
