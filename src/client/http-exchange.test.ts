import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import { exchange } from "./http-exchange.ts";

/** Answers every connection with these bytes, cut into pieces of this size, and closes it. */
async function speaking(answer: string, pieceBytes: number): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "banger-http-"));
  const path = join(folder, "sock");
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    for (let at = 0; at < answer.length; at += pieceBytes) socket.write(answer.slice(at, at + pieceBytes));
    socket.end();
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await listening;
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function get(answer: string, pieceBytes = 1_000): Promise<{ status: number; body: string }> {
  await using server = await speaking(answer, pieceBytes);
  using request = exchange(server.path, { method: "GET", path: "/" });
  const { status, body } = await request.answer;
  return { status, body: await text(body) };
}

test("reads a body by its length, in chunks, or up to the end, wherever the pieces are cut", async () => {
  const body = fc.string({ maxLength: 60, unit: "grapheme-ascii" });
  await fc.assert(
    fc.asyncProperty(fc.array(body, { maxLength: 4 }), fc.integer({ min: 1, max: 40 }), async (parts, size) => {
      const whole = parts.join("");
      const chunks = parts.filter((part) => part !== "").map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
      const head = "HTTP/1.1 200 OK\r\nX-Other: a:b\r\n";
      for (const answer of [
        `${head}Content-Length: ${whole.length}\r\n\r\n${whole}`,
        `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`,
        `${head}\r\n${whole}`,
      ]) {
        assert.deepEqual(await get(answer, size), { status: 200, body: whole });
      }
    }),
    { numRuns: 30 },
  );
});

test("an answer that breaks off is an error, not a short answer", async () => {
  for (const answer of [
    "",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfour",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
  ]) {
    await assert.rejects(get(answer), { code: "DAEMON_UNREACHABLE", what: "the connection to bangerd broke" }, answer);
  }
});

test("what is not HTTP, or has no bounds, is refused", async () => {
  for (const answer of [
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}\r\n\r\n`,
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfour\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffff\r\nx",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour!!\r\n0\r\n\r\n",
  ]) {
    await assert.rejects(get(answer), { code: "DAEMON_UNREACHABLE" }, answer.slice(0, 80));
  }
});
