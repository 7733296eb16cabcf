import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { once } from "node:events";
import { connect, createServer, type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import { agentError, agentProtocol, guestText } from "./agent-errors.ts";
import { fileError } from "./agent-file-errors.ts";
import { guestFile } from "./agent-file-info.ts";
import { FileInfoSchema, FileType } from "./gen/banger/agent/v1/files_pb.ts";
import { readableLate } from "./late-reader.ts";
import { messageQueue } from "./message-queue.ts";
import { nameOperation, OPERATION_HEADER } from "./name-operation.ts";

const told = (error: Error): readonly unknown[] => (error instanceof BangerError ? [error.code, error.why] : [error]);

test("what a guest says is bounded, and nothing of it acts on a terminal", () => {
  assert.equal(guestText("plain, ä and 漢"), "plain, ä and 漢");
  assert.equal(guestText("a\u001b[2Jb\r\n\tc\u202ed\ufeffe\u0085f\u007fg"), "a [2Jb c d e f g");
  assert.equal(guestText("x".repeat(500)), "x".repeat(500));
  assert.equal(guestText("x".repeat(501)), `${"x".repeat(500)}…`);
  assert.equal(guestText("abc", 2), "ab…");
  assert.match(agentProtocol(`a\u001b${"x".repeat(600)}`).why ?? "", /^a x{498}…$/);
});

test("what a call of the agent threw is told as what it was", () => {
  const stopped = AbortSignal.abort(new BangerError("CANCELLED", { what: "a", fix: "b" }));
  const said = (code: Code, cause?: unknown) => new ConnectError("said", code, undefined, undefined, cause);
  const ours = new BangerError("VM_NOT_FOUND", { what: "a", fix: "b" });
  assert.deepEqual(told(agentError(said(Code.Internal), stopped)), ["CANCELLED", undefined]);
  assert.equal(agentError(ours, new AbortController().signal), ours);
  assert.equal(agentError(said(Code.Internal, ours)), ours, "what broke the line says it best");
  for (const [error, code] of [
    [said(Code.Internal, new Error("EPIPE")), "AGENT_UNREACHABLE"],
    [said(Code.Unavailable, new Error("EPIPE")), "AGENT_UNREACHABLE"],
    [said(Code.Unavailable), "BAD_REQUEST"],
    [said(Code.Canceled), "AGENT_UNREACHABLE"],
    [said(Code.Aborted), "AGENT_UNREACHABLE"],
    [said(Code.Internal), "AGENT_PROTOCOL"],
    [said(Code.NotFound), "AGENT_PROTOCOL"],
  ] as const) {
    assert.deepEqual(told(agentError(error)), [code, "said"], code);
  }
});

test("what a call about files threw names what was asked for; a broken line stays one", () => {
  const said = (code: Code, cause?: unknown) => new ConnectError("s\u001baid", code, undefined, undefined, cause);
  const error = fileError(said(Code.NotFound), "read /x");
  assert.ok(error instanceof BangerError);
  assert.deepEqual([error.code, error.what, error.why], ["PATH_NOT_FOUND", "the guest could not read /x", "s aid"]);
  assert.equal(told(fileError(said(Code.Unimplemented), "a"))[0], "GUEST_UNSUPPORTED");
  assert.equal(told(fileError(said(Code.NotFound, new Error("EPIPE")), "a"))[0], "AGENT_UNREACHABLE");
  assert.equal(told(fileError(said(Code.DataLoss), "a"))[0], "AGENT_PROTOCOL");
  const stopped = AbortSignal.abort(new BangerError("CANCELLED", { what: "a", fix: "b" }));
  assert.equal(told(fileError(said(Code.NotFound), "a", stopped))[0], "CANCELLED");
  const ours = new BangerError("VM_NOT_FOUND", { what: "a", fix: "b" });
  assert.equal(fileError(ours, "a", new AbortController().signal), ours);
});

test("a guest's file is told as far as it can be one", () => {
  const info = (part: object = {}) =>
    create(FileInfoSchema, { path: Buffer.from("/a"), type: FileType.FILE, mode: 0o104755, ...part });
  assert.deepEqual(guestFile(info({ sizeBytes: 5n, links: 1n, modifiedNs: 1_500_000_999n })), {
    path: "/a",
    type: "file",
    mode: 0o4755,
    uid: 0,
    gid: 0,
    sizeBytes: 5,
    allocatedBytes: 0,
    links: 1,
    mtime: 1.5,
  });
  const link = guestFile(info({ type: FileType.LINK, linkTarget: Buffer.from("b"), owner: "me", group: "us" }));
  assert.deepEqual([link.type, link.target, link.owner, link.group], ["symlink", "b", "me", "us"]);
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  assert.equal(guestFile(info({ sizeBytes: largest })).sizeBytes, Number.MAX_SAFE_INTEGER);
  for (const odd of [undefined, info({ type: 99 }), info({ sizeBytes: largest + 1n }), info({ links: largest + 1n })])
    assert.throws(() => guestFile(odd), { code: "AGENT_PROTOCOL" });
});

test("messages are taken in the order in which they came, before the end and after it", async () => {
  const queue = messageQueue<number>();
  const taken: number[] = [];
  const taking = (async () => {
    for await (const message of queue) taken.push(message);
  })();
  queue.push(1);
  await new Promise(setImmediate);
  assert.deepEqual(taken, [1], "it is taken while there may be more");
  queue.push(2);
  queue.push(3);
  queue.end();
  await taking;
  assert.deepEqual(taken, [1, 2, 3]);
});

test("a call names the operation that it is of, and none where it is of none", async () => {
  const asked = async (operation: string | undefined): Promise<string | null> => {
    const header = new Headers();
    const next = async (request: { readonly header: Headers }) => request.header.get(OPERATION_HEADER);
    return (await nameOperation(() => operation)(next as never)({ header } as never)) as unknown as string | null;
  };
  assert.equal(await asked("op-1"), "op-1");
  assert.equal(await asked(undefined), null);
});

/** A response of HTTP/2 that a server gives as it is told to. */
async function response(give: (stream: ServerHttp2Stream) => void, use: (stream: ClientHttp2Stream) => Promise<void>) {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond();
    give(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await use(readableLate(session.request()));
  } finally {
    session.destroy();
    server.close();
  }
}

test("a response is read whole, also when all of it was there before anybody read", async () => {
  const read = async (stream: ClientHttp2Stream): Promise<string> => {
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    return text;
  };
  await response(
    (stream) => stream.end("all at once"),
    async (stream) => {
      await once(stream, "response");
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(await read(stream), "all at once");
    },
  );
  await response(
    (stream) => {
      stream.write("first ");
      setTimeout(() => stream.end("then"), 30);
    },
    async (stream) => assert.equal(await read(stream), "first then"),
  );
});

test("a response that is cut off is an error, and one that nobody reads on is given up", async () => {
  await response(
    (stream) => {
      stream.write("a part");
      setTimeout(() => stream.session?.destroy(), 30);
    },
    async (stream) => {
      await assert.rejects(async () => {
        for await (const _ of stream) continue;
      });
    },
  );
  const ended = Promise.withResolvers<number>();
  await response(
    (stream) => {
      stream.write("a part");
      stream.on("close", () => ended.resolve(stream.rstCode));
    },
    async (stream) => {
      for await (const _ of stream) break;
      assert.equal(await ended.promise, 8, "CANCEL");
    },
  );
});
