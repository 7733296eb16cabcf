import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import type { Failures } from "./failures.ts";
import { HttpTransport, linkedUrl } from "./http-transport.ts";

const told = (url: URL, why: string): BangerError => new BangerError("MIRROR_FAILED", { what: url.href, why, fix: "" });
const failures: Failures = { refused: told, unreachable: told, untrusted: (url) => told(url, "untrusted") };

test("gives back the memory of what has been written", async () => {
  const content = randomBytes(1_000_000);
  const { signal } = new AbortController();
  const server = createServer((_, response) => response.end(content)).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const chunks: Buffer[] = [];
    const copies: Buffer[] = [];
    using transport = new HttpTransport({ failures, env: {} });
    for await (const chunk of (await transport.send({ url, signal })).body) {
      chunks.push(chunk);
      copies.push(Buffer.from(chunk));
    }
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

/** From where, the location, and where it leads or why not. */
const LINKS: readonly (readonly [from: string, location: string, to: string | RegExp])[] = [
  ["https://a.test/x/y", "z", "https://a.test/x/z"],
  ["http://a.test/x", "https://b.test/", "https://b.test/"],
  ["https://a.test/x", "//b.test/", "https://b.test/"],
  ["https://me:secret@a.test/x", "y", "https://me:secret@a.test/y"],
  ["https://a.test/x", "http://a.test/x", /may not leave https/],
  ["https://a.test/x", "ftp://a.test/x", /http and https only/],
  ["https://a.test/x", "file:///etc/passwd", /http and https only/],
  ["https://a.test/x", "https://you:secret@a.test/", /may not bring credentials/],
  ["https://me:secret@a.test/x", "https://me:secret@b.test/", /may not bring credentials/],
  ["https://a.test/x", "https://[", /no URL/],
];

test("a redirect leads on, but not out of https, to what is no server, or with credentials that are not ours", () => {
  for (const [from, location, to] of LINKS) {
    const follow = (): string => linkedUrl(new URL(from), location, failures).href;
    if (typeof to === "string") assert.equal(follow(), to);
    else assert.throws(follow, to, location);
  }
});
