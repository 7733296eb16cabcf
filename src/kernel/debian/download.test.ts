import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { ProgressEvent } from "../../lib/progress.ts";
import { download, type KnownFile } from "./download.ts";

const CONTENT = randomBytes(300_000);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
let cacheDir: string;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "banger-download-"));
});
afterEach(() => rm(cacheDir, { recursive: true }));

/** Serves one test, and keeps what was asked for. */
async function serving(
  listener: RequestListener,
  work: (base: string, requests: readonly string[]) => Promise<void>,
): Promise<void> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.url}${request.headers.range === undefined ? "" : ` ${request.headers.range}`}`);
    listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const file = (...urls: [string, ...string[]]): KnownFile => ({
  label: "it",
  urls,
  sha256: SHA256,
  sizeBytes: CONTENT.length,
});
const get = (known: KnownFile, more: Partial<Parameters<typeof download>[2]> = {}): Promise<string> =>
  download(known, cacheDir, { signal: new AbortController().signal, progress: () => {}, ...more });
const leftBehind = async (): Promise<string[]> => readdir(join(cacheDir, "sha256"));

test("keeps a file under its hash, and asks for it once", async () => {
  await serving(
    (_, response) => response.end(CONTENT),
    async (base, requests) => {
      const events: ProgressEvent[] = [];
      const path = await get(file(`${base}/a`), { progress: (event) => events.push(event) });
      assert.deepEqual(await readFile(path), CONTENT);
      assert.equal(await get(file(`${base}/a`)), path);
      assert.deepEqual(requests, ["/a"]);
      assert.deepEqual(await leftBehind(), [SHA256]);
      assert.equal(events.at(0)?.status, "running");
      assert.equal(events.at(-1)?.status, "done");
    },
  );
});

test("gets anew what was damaged in the cache", async () => {
  await serving(
    (_, response) => response.end(CONTENT),
    async (base, requests) => {
      const path = await get(file(`${base}/a`));
      await writeFile(path, Buffer.alloc(CONTENT.length));
      assert.deepEqual(await readFile(await get(file(`${base}/a`))), CONTENT);
      assert.equal(requests.length, 2);
    },
  );
});

/** Breaks the line after each third of the file. */
const breaking =
  (honoursRange: boolean): RequestListener =>
  (request, response) => {
    const start = honoursRange ? Number(/=(\d+)-/.exec(request.headers.range ?? "=0-")?.[1]) : 0;
    const third = Math.ceil(CONTENT.length / 3);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": CONTENT.length - start,
      ...(start > 0 && { "content-range": `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` }),
    });
    response.write(CONTENT.subarray(start, start + third), () =>
      start + third >= CONTENT.length ? response.end() : setImmediate(() => response.destroy()),
    );
  };

test("goes on where the line broke", async () => {
  await serving(breaking(true), async (base, requests) => {
    assert.deepEqual(await readFile(await get(file(`${base}/a`))), CONTENT);
    assert.equal(requests[0], "/a");
    assert.ok(requests.length >= 3 && requests.slice(1).every((request) => request.startsWith("/a bytes=")));
  });
});

test("begins anew where the server knows no ranges", async () => {
  let first = true;
  await serving(
    (_, response) => {
      response.writeHead(200, { "content-length": CONTENT.length });
      if (first) response.write(CONTENT.subarray(0, 1000), () => setImmediate(() => response.destroy()));
      else response.end(CONTENT);
      first = false;
    },
    async (base, requests) => {
      assert.deepEqual(await readFile(await get(file(`${base}/a`))), CONTENT);
      assert.equal(requests.length, 2);
    },
  );
});

test("gives up on a server that only breaks, and keeps nothing", async () => {
  await serving(
    (_, response) => void response.destroy(),
    async (base, requests) => {
      await assert.rejects(get(file(`${base}/a`)), { code: "MIRROR_FAILED" });
      assert.equal(requests.length, 4);
      assert.deepEqual(await leftBehind(), []);
    },
  );
});

test("goes where it is sent on to, but not in a circle", async () => {
  await serving(
    (request, response) => {
      if (request.url === "/there/b") response.end(CONTENT);
      else response.writeHead(302, { location: request.url === "/there/a" ? "b" : "/circle" }).end();
    },
    async (base, requests) => {
      await get(file(`${base}/there/a`));
      assert.deepEqual(requests, ["/there/a", "/there/b"]);
      await rm(join(cacheDir, "sha256", SHA256));
      await assert.rejects(get(file(`${base}/circle`)), { code: "MIRROR_FAILED", message: /redirects more than/ });
    },
  );
});

test("looks in the second place only where the first has nothing", async () => {
  await serving(
    (request, response) => {
      if (request.url === "/b") response.end(CONTENT);
      else response.writeHead(request.url === "/a" ? 404 : 403).end();
    },
    async (base, requests) => {
      await get(file(`${base}/a`, `${base}/b`));
      assert.deepEqual(requests, ["/a", "/b"]);
      await rm(join(cacheDir, "sha256", SHA256));
      await assert.rejects(get(file(`${base}/forbidden`, `${base}/b`)), { code: "MIRROR_FAILED" });
    },
  );
});

for (const [what, sent, code] of [
  ["another content", Buffer.alloc(CONTENT.length), "DIGEST_MISMATCH"],
  ["less", CONTENT.subarray(1), "SIZE_MISMATCH"],
  ["more", Buffer.concat([CONTENT, CONTENT]), "SIZE_MISMATCH"],
] as const) {
  test(`refuses ${what} than was promised, and keeps nothing`, async () => {
    await serving(
      (_, response) => response.end(sent),
      async (base) => {
        await assert.rejects(get(file(`${base}/a`)), { code });
        assert.deepEqual(await leftBehind(), []);
      },
    );
  });
}

test("refuses more at once, without waiting for the end of an endless answer", async () => {
  await serving(
    (_, response) => {
      const more = (): void => void (response.destroyed || response.write(CONTENT, () => setImmediate(more)));
      more();
    },
    async (base) => {
      await assert.rejects(get(file(`${base}/a`)), { code: "SIZE_MISMATCH" });
    },
  );
});

test("stops when told to, and keeps nothing", async () => {
  const controller = new AbortController();
  await serving(
    (_, response) => void response.write(CONTENT.subarray(0, 1000)),
    async (base) => {
      const progress = (event: ProgressEvent): void => {
        if (event.status === "running") controller.abort();
      };
      await assert.rejects(get(file(`${base}/a`), { signal: controller.signal, progress }), { name: "AbortError" });
      assert.deepEqual(await leftBehind(), []);
    },
  );
});
