import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { get, readBody } from "./http-get.ts";

test("gives back the memory of what has been written", async () => {
  const content = randomBytes(1_000_000);
  const { signal } = new AbortController();
  const server = createServer((_, response) => response.end(content)).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const chunks: Buffer[] = [];
    const copies: Buffer[] = [];
    const write = async (chunk: Buffer): Promise<void> => {
      chunks.push(chunk);
      copies.push(Buffer.from(chunk));
    };
    await readBody(await get(url, {}, signal), write, signal);
    assert.deepEqual(Buffer.concat(copies), content);
    assert.ok(chunks.length > 1);
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      chunks.map(() => 0),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
