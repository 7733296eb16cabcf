import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { buffer, text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import type { RawData, WebSocket } from "ws";
import { STDERR, STDOUT } from "../api/exec-streams.ts";
import type { ProgressEvent } from "../lib/progress.ts";
import { createClient } from "./client.ts";
import { fakeDaemon, sendJson } from "./testing/fake-daemon.ts";

test("a call brings its result", async () => {
  await using daemon = await fakeDaemon({
    answer({ name, fields }, response) {
      sendJson(response, 200, { name, ...fields });
    },
  });
  const client = createClient(daemon);
  assert.deepEqual(await client.call("vmInspect", { ref: "a/b" }), { name: "vmInspect", ref: "a/b" });
});

test("an error of the daemon comes through with its code, reason and advice", async () => {
  await using daemon = await fakeDaemon({
    answer(_request, response) {
      sendJson(response, 404, {
        error: { code: "VM_NOT_FOUND", what: "there is no VM x", why: "w", fix: "f", new: 1 },
      });
    },
  });
  const client = createClient(daemon);
  const told = { code: "VM_NOT_FOUND", what: "there is no VM x", why: "w", fix: "f" };
  await assert.rejects(client.call("vmInspect", { ref: "x" }), told);
  await assert.rejects(client.operate("vmStart", { ref: "x" }), told);
  await assert.rejects(text(client.text("vmLogs", { ref: "x" })), told);
});

test("a refused WebSocket tells why", async () => {
  await using daemon = await fakeDaemon({});
  const client = createClient(daemon);
  await assert.rejects(client.exec({ ref: "x" }, { argv: ["true"] }), { code: "VM_NOT_FOUND" });
  await assert.rejects(client.socket("vmForward", { ref: "x", target: "ssh" }), { code: "VM_NOT_FOUND" });
});

test("an answer that is not the API's is an error that says so", async () => {
  let body = "";
  await using daemon = await fakeDaemon({
    answer(_request, response) {
      response.writeHead(200).end(body);
    },
  });
  const client = createClient(daemon);
  body = "<html>";
  await assert.rejects(client.call("vmList", {}), { code: "DAEMON_UNREACHABLE", why: 'not JSON: "<html>"' });
  body = "[1]\n";
  await assert.rejects(client.operate("vmStart", { ref: "x" }), { code: "DAEMON_UNREACHABLE" });
  body = '{"progress":{"id":"a","label":"b","status":"running"}}\n';
  await assert.rejects(client.operate("vmStart", { ref: "x" }), {
    code: "DAEMON_UNREACHABLE",
    what: "the connection to bangerd broke",
  });
});

test("an operation tells of its progress, passes over what it does not know, and ends with its result", async () => {
  await using daemon = await fakeDaemon({
    answer(_request, response) {
      response.write(
        '{"progress":{"id":"a","label":"first","status":"running","later":true}}\n{"heartbeat":1}\n{"progr',
      );
      response.write('ess":{"id":"a","label":"first","status":"done"}}\n{"progress":{"id":7}}\n');
      response.end('{"result":{"name":"demo"}}\n');
    },
  });
  const seen: ProgressEvent[] = [];
  const vm = await createClient(daemon).operate("vmStart", { ref: "demo" }, { progress: (event) => seen.push(event) });
  assert.deepEqual(vm, { name: "demo" });
  assert.deepEqual(
    seen.map(({ status }) => status),
    ["running", "done"],
  );
});

test("an aborted call and an aborted text end at once", async () => {
  await using daemon = await fakeDaemon({
    answer({ name }, response) {
      if (name === "vmLogs") response.write("line\n");
    },
  });
  const client = createClient(daemon);
  await assert.rejects(client.call("vmList", {}, { signal: AbortSignal.timeout(20) }), { code: "TIMED_OUT" });
  const controller = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const chunk of client.text("vmLogs", { ref: "x", follow: true }, { signal: controller.signal })) {
      seen.push(Buffer.from(chunk).toString());
      controller.abort();
    }
  })();
  await assert.rejects(reading, { code: "CANCELLED" });
  assert.deepEqual(seen, ["line\n"]);
});

test("nobody listens: an error that says how to start it, or a start and a second try", async () => {
  await using daemon = await fakeDaemon({
    answer(_request, response) {
      sendJson(response, 200, []);
    },
  });
  await assert.rejects(createClient({ socketPath: `${daemon.socketPath}.gone` }).call("vmList", {}), {
    code: "DAEMON_UNREACHABLE",
    fix: "start it with `banger daemon start`",
  });
  let starts = 0;
  const client = createClient({
    socketPath: `${daemon.socketPath}.late`,
    async startDaemon() {
      starts += 1;
      const { symlink } = await import("node:fs/promises");
      await symlink(daemon.socketPath, `${daemon.socketPath}.late`);
    },
  });
  assert.deepEqual(await client.call("vmList", {}), []);
  assert.deepEqual(await client.call("vmList", {}), []);
  assert.equal(starts, 1);
});

function tellError(code: string): (webSocket: WebSocket) => void {
  return (webSocket) => webSocket.send(JSON.stringify({ type: "error", error: { code, what: "w", fix: "f" } }));
}

function breakOff(webSocket: WebSocket): void {
  webSocket.terminate();
}

/** A command that answers its stdin on stdout, tells control frames on stderr, and ends with 7. */
function echo(webSocket: WebSocket): void {
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    if (!isBinary) return webSocket.send(Buffer.concat([Buffer.of(STDERR), bytes, Buffer.from("\n")]));
    if (bytes.length > 1) {
      webSocket.pause();
      return webSocket.send(Buffer.concat([Buffer.of(STDOUT), bytes.subarray(1)]), () => webSocket.resume());
    }
    webSocket.send(JSON.stringify({ type: "exit", code: 7 }));
    webSocket.close();
  });
}

test("exec carries 100 MB both ways unharmed, its exit code, and control frames", async () => {
  await using daemon = await fakeDaemon({ socket: echo });
  const session = await createClient(daemon).exec({ ref: "demo" }, { argv: ["cat"], user: "me" });
  session.resize(40, 100);
  session.signal("SIGINT");
  const piece = randomBytes(1024 ** 2);
  const sent = createHash("sha256");
  const source = Readable.from(
    (function* () {
      for (let i = 0; i < 100; i += 1) {
        piece.writeUInt32LE(i);
        sent.update(piece);
        yield Buffer.from(piece);
      }
    })(),
  );
  const received = createHash("sha256");
  const [stderr, exit] = await Promise.all([
    buffer(session.stderr),
    session.exit,
    pipeline(source, session.stdin),
    pipeline(session.stdout, received),
  ]);
  assert.equal(received.digest("hex"), sent.digest("hex"));
  assert.deepEqual(exit, { code: 7 });
  assert.deepEqual(
    stderr
      .toString()
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line)),
    [
      { type: "start", argv: ["cat"], user: "me" },
      { type: "resize", rows: 40, cols: 100 },
      { type: "signal", signal: "SIGINT" },
    ],
  );
});

test("exec holds the daemon back while nobody reads", async () => {
  let sent = 0;
  await using daemon = await fakeDaemon({
    socket(webSocket) {
      const frame = Buffer.alloc(256 * 1024, STDOUT);
      const more = (): void => {
        sent += 1;
        webSocket.send(frame, (error) => {
          if (!error && sent < 1_000) more();
        });
      };
      more();
    },
  });
  const session = await createClient(daemon).exec({ ref: "demo" }, { argv: ["yes"] });
  // Nothing to wait for: what is measured is that nothing more happens.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(sent < 50, `${sent} frames of 256 KiB were taken although nobody read them`);
  session.close();
});

test("exec that cannot be run, or whose connection breaks, says so everywhere", async () => {
  const then = { end: tellError("EXEC_FAILED") };
  await using daemon = await fakeDaemon({
    socket: (webSocket) => webSocket.once("message", () => then.end(webSocket)),
  });
  const client = createClient(daemon);
  const failed = await client.exec({ ref: "demo" }, { argv: ["nothing"] });
  await assert.rejects(buffer(failed.stdout), { code: "EXEC_FAILED" });
  await assert.rejects(failed.exit, { code: "EXEC_FAILED" });
  then.end = breakOff;
  const broken = await client.exec({ ref: "demo" }, { argv: ["x"] });
  await assert.rejects(broken.exit, { code: "DAEMON_UNREACHABLE" });
});

test("a raw socket closes one direction while the other goes on", async () => {
  await using daemon = await fakeDaemon({
    socket(webSocket, { fields }) {
      const got: Buffer[] = [];
      webSocket.send(Buffer.from(`${fields["target"]} says `));
      webSocket.on("message", (data: RawData, isBinary: boolean) => {
        if (isBinary) return void got.push(data as Buffer);
        assert.deepEqual(JSON.parse((data as Buffer).toString()), { type: "end" });
        webSocket.send(Buffer.concat(got));
        webSocket.send(JSON.stringify({ type: "end" }));
        webSocket.close();
      });
    },
  });
  const stream = await createClient(daemon).socket("vmForward", { ref: "demo", target: "tcp:localhost:80" });
  stream.end("hello");
  assert.equal((await buffer(stream)).toString(), "tcp:localhost:80 says hello");
});

test("a raw socket that the guest closes ends for whoever still writes", async () => {
  await using daemon = await fakeDaemon({
    socket(webSocket) {
      webSocket.send(Buffer.from("bye"));
      webSocket.close();
    },
  });
  const stream = await createClient(daemon).socket("vmConsole", { ref: "demo" });
  const sending = pipeline(new Readable({ read: () => {} }), stream);
  assert.equal((await buffer(stream)).toString(), "bye");
  await assert.rejects(sending, { code: "ERR_STREAM_PREMATURE_CLOSE" });
});

test("a raw socket that breaks, or is told of an error, fails", async () => {
  const then = { end: breakOff };
  await using daemon = await fakeDaemon({ socket: (webSocket) => then.end(webSocket) });
  const client = createClient(daemon);
  await assert.rejects(buffer(await client.socket("vmConsole", { ref: "demo" })), { code: "DAEMON_UNREACHABLE" });
  then.end = tellError("VM_WRONG_STATE");
  await assert.rejects(buffer(await client.socket("vmConsole", { ref: "demo" })), { code: "VM_WRONG_STATE" });
});
