import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { fetchText } from "./mirror.ts";

const PROXY_WORDS = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"];
const { signal } = new AbortController();
let server: Server;
let base: string;
let asked: string[];

// It is the mirror, and the proxy too: a proxy is asked for a whole URL.
before(async () => {
  for (const word of PROXY_WORDS) delete process.env[word];
  server = createServer((request, response) => {
    const { url = "" } = request;
    asked.push(url);
    const location = /[?]to=(.*)$/.exec(url)?.[1];
    if (location === undefined) response.end(`this is ${url}`);
    else response.writeHead(302, { location: decodeURIComponent(location) }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
  process.env["http_proxy"] = base;
});
after(() => server.close());

const get = (url: string): Promise<string> => fetchText(url, 1000, signal);

test("asks the proxy that the environment names for a mirror elsewhere, and for where it leads", async () => {
  const [from, to] = ["http://mirror.test/a?to=http%3A%2F%2Fother.test%2Fb", "http://other.test/b"];
  assert.equal(await get(from), `this is ${to}`);
  assert.deepEqual(asked, [from, to]);
});

test("asks a mirror on this machine itself, and what is excepted", async () => {
  assert.equal(await get(`${base}/a`), "this is /a");
  process.env["no_proxy"] = "mirror.test";
  await assert.rejects(get("http://mirror.test/a"), { code: "MIRROR_FAILED" });
  delete process.env["no_proxy"];
  assert.deepEqual(asked, ["/a"]);
});

for (const [what, to] of [
  ["clouds' credentials", "http://169.254.169.254/latest/"],
  ["this machine", "http://127.0.0.1:1/"],
  ["a file", "file:///etc/passwd"],
] as const) {
  test(`does not follow a mirror elsewhere to ${what}, by a proxy either`, async () => {
    const url = `http://mirror.test/a?to=${encodeURIComponent(to)}`;
    await assert.rejects(get(url), { code: "MIRROR_FAILED", message: /may not lead|link-local|http and https only/ });
    assert.deepEqual(asked, [url]);
  });
}

test("refuses more than is wanted", async () => {
  await assert.rejects(fetchText(`${base}/${"a".repeat(100)}`, 50, signal), {
    code: "MIRROR_FAILED",
    message: /longer/,
  });
});
