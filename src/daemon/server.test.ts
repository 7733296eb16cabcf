import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { contract } from "../api/contract.ts";
import { createOperations } from "../core/operations.ts";
import { createServer } from "./server.ts";

/** A server whose every handler gives back the input that it was called with. */
async function scene(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "server-"));
  const socketPath = join(folder, "s");
  const handlers = new Proxy({}, { get: () => async (input: unknown) => input });
  const server = createServer(
    { routes: contract, handlers, operations: createOperations() },
    pino({ level: "silent" }),
  );
  await server.listen(socketPath);
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  /** Sends bytes as they are; the status, and the body as JSON. */
  return async (request: string) => {
    const socket = connect(socketPath);
    socket.on("error", () => {}); // It may be closed while we still write.
    socket.setTimeout(3_000, () => socket.destroy());
    socket.write(request);
    let answer = "";
    socket.setEncoding("utf8").on("data", (piece: string) => (answer += piece));
    await new Promise((resolve) => socket.once("close", resolve));
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    return {
      status,
      head,
      body: JSON.parse(/\{.*\}/s.exec(body)?.[0] ?? "null") as { error?: Record<string, unknown> },
    };
  };
}

function post(path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

function get(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${fields}\r\n`;
}

const UPGRADE =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

function upgrade(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\n${UPGRADE}\r\n`;
}

/** Each with the status that it is refused with; all in the one form that errors have. */
const REFUSED: readonly (readonly [what: string, request: string, status: number])[] = [
  ["a list as a body", post("/v1/vms", "[]"), 400],
  ["a string as a body", post("/v1/vms", '"x"'), 400],
  ["a number as a body", post("/v1/vms", "5"), 400],
  ["null as a body", post("/v1/vms", "null"), 400],
  ["a list as the body of a call", post("/v1/daemon/stop", "[]"), 400],
  ["a list as the body of a verb", post("/v1/vms/a/stop", "[1]"), 400],
  ["no JSON", post("/v1/vms", "{"), 400],
  ["no body where one is announced", post("/v1/vms", ""), 400],
  ["a prototype in JSON", post("/v1/vms", '{"__proto__":{}}'), 400],
  ["a body of more than 1 MiB", post("/v1/vms", `{"name":"${"x".repeat(1024 ** 2)}"}`), 413],
  ["another type", post("/v1/vms", "a=b").replace("application/json", "text/xml"), 415],
  ["no such path", get("/v1/nothing"), 404],
  ["no such method", get("/v1/vms").replace("GET", "DELETE"), 404],
  ["a bad escape in a path", get("/v1/vms/%zz"), 400],
  ["a cut off escape in a path", get("/v1/vms/a%"), 400],
  ["an escape that is no UTF-8", get("/v1/vms/%ff"), 400],
  ["a name of 2,000 characters", get(`/v1/vms/${"x".repeat(2_000)}`), 414],
  ["fields of 100 KiB", get("/v1/vms", `x: ${"y".repeat(100 * 1024)}\r\n`), 431],
  ["something that is not HTTP", "hello\r\n\r\n", 400],
  ["an expectation", get("/v1/vms", "expect: miracles\r\n"), 417],
  ["a bad escape in a WebSocket's path", upgrade("/v1/vms/%zz/exec"), 400],
  ["an escape that is no UTF-8 in a WebSocket's path", upgrade("/v1/vms/%ff/exec"), 400],
  ["a WebSocket's path that is none", upgrade("//"), 400],
  ["no such WebSocket", upgrade("/v1/vms"), 404],
];

for (const [what, request, status] of REFUSED) {
  test(`refused in the form of all errors: ${what}`, async (t) => {
    const ask = await scene(t);
    const { status: told, head, body } = await ask(request);
    assert.equal(told, status, JSON.stringify(body));
    assert.match(head, /content-type: application\/json/i);
    assert.equal(body.error?.["code"], "BAD_REQUEST");
    assert.ok(typeof body.error["what"] === "string" && typeof body.error["fix"] === "string");
  });
}

test("a body may be left out, and its fields come typed as its query's do", async (t) => {
  const ask = await scene(t);
  const { body } = await ask(
    "POST /v1/vms/a/stop HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  );
  assert.deepEqual(body, { result: { ref: "a", timeoutSeconds: 30, force: false } });
  const deleted = await ask(get("/v1/vms/a%2fb?force=true").replace("GET", "DELETE"));
  assert.deepEqual(deleted.body, { result: { ref: "a/b", force: true } });
});

test("a table that lacks a handler makes no server", () => {
  const served = { routes: contract, handlers: {}, operations: createOperations() };
  assert.throws(() => createServer(served, pino({ level: "silent" })), /daemonStatus/);
});
