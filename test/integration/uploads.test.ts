import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { contract } from "../../src/api/contract.ts";
import { createClient } from "../../src/client/index.ts";
import { createOperations } from "../../src/core/operations.ts";
import { createServer } from "../../src/daemon/server.ts";
import { BangerError } from "../../src/lib/errors.ts";
import { expectCode } from "../helpers/expect-code.ts";

type Take = (input: unknown, body: AsyncIterable<Uint8Array>) => Promise<unknown>;

const PIECE = randomBytes(200_000);

/** A daemon's server and the client of it; `take` answers what is uploaded. */
async function scene(t: TestContext, take: Take, read: () => AsyncIterable<Uint8Array> = () => pieces(1)) {
  const folder = await mkdtemp(join(tmpdir(), "uploads-"));
  const socketPath = join(folder, "s");
  const answer = (name: unknown) => (name === "vmFileWrite" ? take : name === "vmFileRead" ? read : async () => ({}));
  const handlers = new Proxy({}, { get: (_, name) => answer(name) });
  const server = createServer(
    { routes: contract, handlers, operations: createOperations() },
    pino({ level: "silent" }),
  );
  await server.listen(socketPath);
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  return { socketPath, client: createClient({ socketPath }) };
}

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count; sent += 1) yield PIECE;
}

async function sizeOf(body: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of body) size += chunk.length;
  return size;
}

const input = { ref: "vm", path: "/srv/a b&c" };

test("what is uploaded comes whole, with its input", async (t) => {
  const seen: unknown[] = [];
  const { client } = await scene(t, async (given, body) => {
    seen.push(given);
    return { bytes: await sizeOf(body), entries: 1 };
  });
  assert.deepEqual(await client.upload("vmFileWrite", { ...input, parents: true }, pieces(60)), {
    bytes: 60 * PIECE.length,
    entries: 1,
  });
  assert.deepEqual(await client.upload("vmFileWrite", input, pieces(0)), { bytes: 0, entries: 1 });
  assert.deepEqual(seen[0], { ...input, user: "", owner: "", parents: true, exclusive: false });
});

test("a refusal in the midst of an upload reaches who sends", async (t) => {
  const { client } = await scene(t, async (_input, body) => {
    for await (const chunk of body) {
      if (chunk.length > 0) throw new BangerError("FILE_UNFIT", { what: "enough", fix: "send less" });
    }
    return { bytes: 0, entries: 0 };
  });
  for (let round = 0; round < 30; round += 1) {
    await expectCode(client.upload("vmFileWrite", input, pieces(1000)), "FILE_UNFIT");
  }
  await expectCode(client.upload("vmFileWrite", { ...input, mode: "9" }, pieces(1000)), "BAD_REQUEST");
});

test("an upload that is cut off is not taken for a whole one", async (t) => {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  const { client } = await scene(t, async (_input, body) => {
    try {
      resolve(await sizeOf(body));
    } catch (error) {
      resolve(error);
    }
    return { bytes: 0, entries: 0 };
  });
  const cut = async function* () {
    yield PIECE;
    throw new BangerError("FILE_UNREADABLE", { what: "the disk is gone", fix: "none" });
  };
  await expectCode(client.upload("vmFileWrite", input, cut()), "FILE_UNREADABLE");
  assert.ok((await ended) instanceof Error);
});

test("a client that aborts cuts its upload off", async (t) => {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  const { client } = await scene(t, async (_input, body) => {
    await sizeOf(body).then(resolve, resolve);
    return { bytes: 0, entries: 0 };
  });
  const stop = new AbortController();
  const endless = async function* () {
    for (;;) {
      yield PIECE;
      stop.abort(new BangerError("CANCELLED", { what: "enough", fix: "none" }));
    }
  };
  await expectCode(client.upload("vmFileWrite", input, endless(), { signal: stop.signal }), "CANCELLED");
  assert.ok((await ended) instanceof Error);
});

test("a download that fails tells why before it began, and is cut off after", async (t) => {
  let goodPieces = 0;
  const { client } = await scene(
    t,
    async () => ({}),
    async function* () {
      yield* pieces(goodPieces);
      throw new BangerError("PATH_NOT_FOUND", { what: "it is gone", fix: "none" });
    },
  );
  await expectCode(sizeOf(client.text("vmFileRead", input)), "PATH_NOT_FOUND");
  goodPieces = 20;
  await expectCode(sizeOf(client.text("vmFileRead", input)), "DAEMON_UNREACHABLE");
});

test("bytes go where bytes are taken, and nowhere else", async (t) => {
  const { socketPath } = await scene(t, async (_input, body) => ({ bytes: await sizeOf(body), entries: 1 }));
  const statusOf = async (start: string, type: string): Promise<string> => {
    const socket = connect(socketPath);
    socket.write(`${start} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${type}content-length: 2\r\n\r\n{}`);
    let text = "";
    for await (const piece of socket.setEncoding("utf8")) text += String(piece);
    return text.slice(9, 12);
  };
  const upload = "PUT /v1/vms/vm/files?path=/x";
  assert.equal(await statusOf(upload, ""), "200");
  assert.equal(await statusOf(upload, "content-type: application/x-tar\r\n"), "200");
  assert.equal(await statusOf(upload, "content-type: application/json\r\n"), "400");
  assert.equal(await statusOf("POST /v1/vms/vm/start", "content-type: application/x-tar\r\n"), "415");
  assert.equal(await statusOf("POST /v1/vms/vm/start", "content-type: application/json\r\n"), "200");
});
