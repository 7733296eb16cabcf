import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { contract } from "../api/contract.ts";
import type { OperationRequest } from "../core/handlers.ts";
import { createOperations } from "../core/operations.ts";
import { createServer } from "./server.ts";

/** A server with one operation, which goes on until it is let go, and says nothing. */
async function scene(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "detached-"));
  const socketPath = join(folder, "s");
  const operations = createOperations();
  const begun = Promise.withResolvers<AbortSignal>();
  const letGo = Promise.withResolvers<string>();
  const imageRefresh = async (_input: unknown, { signal }: OperationRequest): Promise<unknown> => {
    begun.resolve(signal);
    const cancelled = once(signal, "abort").then(() => Promise.reject(signal.reason as Error));
    return Promise.race([letGo.promise, cancelled]);
  };
  const handlers = new Proxy({}, { get: () => imageRefresh });
  const server = createServer({ routes: contract, handlers, operations }, pino({ level: "silent" }));
  await server.listen(socketPath);
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  const ask = (fields: string) => {
    const socket = connect(socketPath);
    socket.write(`POST /v1/images/x/refresh HTTP/1.1\r\nhost: x\r\n${fields}content-length: 0\r\n\r\n`);
    return socket;
  };
  return { operations, begun: begun.promise, letGo: letGo.resolve, ask };
}

test("a client that detaches is told the id at once, and its leaving cancels nothing", async (t) => {
  const { operations, begun, letGo, ask } = await scene(t);
  const socket = ask("banger-detach: true\r\n");
  const [head] = (await once(socket.setEncoding("utf8"), "data")) as [string];
  const [, id = ""] = /^banger-operation: (\S+)\r$/m.exec(head) ?? [];
  assert.match(head, /^HTTP\/1\.1 200 /);
  const signal = await begun;
  socket.destroy();
  await once(socket, "close");
  letGo("refreshed");
  assert.equal(await operations.get(id).result, "refreshed");
  assert.deepEqual([signal.aborted, operations.get(id).view().detached], [false, true]);
});

test("one that does not is waited for, and its leaving cancels", async (t) => {
  const { operations, begun, ask } = await scene(t);
  const socket = ask("banger-detach: false\r\n");
  const signal = await begun;
  socket.destroy();
  await once(signal, "abort");
  const [view] = operations.list();
  const operation = operations.get(view?.id ?? "");
  await assert.rejects(operation.result);
  assert.deepEqual([operation.view().state, operation.view().error], ["failed", "CANCELLED"]);
});
