import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { RawData, WebSocket } from "ws";
import { STDERR, STDOUT } from "../api/exec-streams.ts";
import { sendJson } from "../client/testing/fake-daemon.ts";
import { cliHome, resultOf } from "./testing/cli-process.ts";

const vm = {
  id: "vm-0123456789abcdef",
  name: "demo",
  state: "running",
  createdAt: new Date().toISOString(),
  image: { name: "debian" },
  spec: { vcpus: 2, memoryBytes: 1024 ** 3 },
  network: { mode: "user" },
  timings: { stages: {}, readyMs: 2_500 },
};

function out(bytes: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.of(STDOUT), Buffer.from(bytes)]);
}

/** Calls back with each control frame, and with the bytes of stdin; `undefined` is its end. */
function onFrames(
  webSocket: WebSocket,
  control: (frame: Record<string, unknown>) => void,
  stdin: (bytes: Buffer | undefined) => void = () => {},
): void {
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    if (!isBinary) control(JSON.parse(bytes.toString("utf8")) as Record<string, unknown>);
    else stdin(bytes.length === 1 ? undefined : bytes.subarray(1));
  });
}

function exit(webSocket: WebSocket, code: number): void {
  webSocket.send(JSON.stringify({ type: "exit", code }));
  webSocket.close();
}

test("list prints a table, or JSON", async () => {
  await using home = await cliHome({ answer: (_request, response) => sendJson(response, 200, [vm]) });
  const { status, stdout } = await home.run("vm", "ls");
  assert.equal(status, 0);
  assert.match(stdout.toString(), /^NAME {2}STATE.*\ndemo {2}running {2}debian {2}2 {6}1 GiB/);
  const json = await home.run("vm", "list", "--json");
  assert.deepEqual(JSON.parse(json.stdout.toString()), [vm]);
  assert.equal(json.stderr, "");
});

test("an error of the daemon becomes an exit status and three lines", async () => {
  await using home = await cliHome({
    answer: (_request, response) =>
      sendJson(response, 404, { error: { code: "VM_NOT_FOUND", what: "there is no VM x", why: "w", fix: "f" } }),
  });
  const { status, stdout, stderr } = await home.run("vm", "inspect", "x");
  assert.equal(status, 3);
  assert.equal(stdout.length, 0);
  assert.equal(stderr, "error[VM_NOT_FOUND]: there is no VM x\n  why: w\n  fix: f\n");
});

test("create sends what was asked for, shows progress on stderr, and prints the result", async () => {
  const bodies: unknown[] = [];
  await using home = await cliHome({
    answer({ body }, response) {
      bodies.push(JSON.parse(body));
      response.write('{"progress":{"id":"boot","label":"booting","status":"running"}}\n');
      response.end(`${JSON.stringify({ result: vm })}\n`);
    },
  });
  const words = [
    "vm",
    "create",
    "--image",
    "debian",
    "--memory",
    "512M",
    "--disk-size=10G",
    "-e",
    "A=b=c",
    "--no-start",
  ];
  const plain = await home.run(...words);
  assert.deepEqual(bodies, [
    {
      image: "debian",
      start: false,
      memoryBytes: 512 * 1024 ** 2,
      diskSizeBytes: 10 * 1024 ** 3,
      nat: false,
      env: { A: "b=c" },
    },
  ]);
  assert.equal(plain.stdout.toString(), "VM demo is created.\n");
  assert.match(plain.stderr, /^booting …\n/);
  const json = await home.run(...words, "--json");
  assert.deepEqual(JSON.parse(json.stdout.toString()), vm);
  assert.equal(json.stderr, "");
  const events = await home.run(...words, "--json", "--progress", "json");
  assert.equal((JSON.parse(events.stderr) as { progress: { id: string } }).progress.id, "boot");
});

test("input that the contract refuses is refused before a daemon is asked, in the words of the command line", async () => {
  await using home = await cliHome();
  const cases: readonly (readonly [words: readonly string[], says: RegExp])[] = [
    [["vm", "create", "--memory", "0"], /^error\[BAD_REQUEST\]: --memory cannot be 0: a VM needs at least 64M/],
    [["vm", "create", "--name", "a/b"], /^error\[NAME_INVALID\]: --name cannot be "a\/b": must be 1 to 63/],
    [["vm", "create", "--name", ".."], /^error\[NAME_INVALID\]: --name cannot be "\.\."/],
    [["vm", "create", "--init", "upstart"], /^error\[BAD_REQUEST\]: --init cannot be "upstart"/],
    [["kernel", "pull", "gentoo"], /^error\[BAD_REQUEST\]: the source cannot be "gentoo"/],
    [["image", "pull", "x", "--name", "UP"], /^error\[NAME_INVALID\]: --name cannot be "UP"/],
    [["vm", "inspect", ".."], /^error\[BAD_REQUEST\]: "\.\." is neither a name nor an id/],
  ];
  for (const [words, says] of cases) {
    const { status, stderr } = await home.run(...words);
    assert.equal(status, 2, stderr);
    assert.match(stderr, says);
  }
});

test("Ctrl-C cancels an operation, waits for the daemon to put things back, and ends with 130", async () => {
  await using home = await cliHome({
    async answer({ message }, response) {
      response.write('{"progress":{"id":"a","label":"pulling","status":"running"}}\n');
      await once(message.socket, "end");
      response.end('{"error":{"code":"CANCELLED","what":"all is as before","fix":"again"}}\n');
    },
  });
  const child = home.start("image", "pull", "debian");
  child.stderr.once("data", () => child.kill("SIGINT"));
  const { status, stderr } = await resultOf(child);
  assert.equal(status, 130);
  assert.match(stderr, /cancelling, .*\nerror\[CANCELLED\]: all is as before\n/);
});

test("a second Ctrl-C leaves at once", async () => {
  await using home = await cliHome({
    answer: (_request, response) => void response.write('{"progress":{"id":"a","label":"x","status":"running"}}\n'),
  });
  const child = home.start("image", "pull", "debian");
  child.stderr.once("data", () => {
    child.kill("SIGINT");
    child.stderr.once("data", () => child.kill("SIGINT"));
  });
  assert.equal((await resultOf(child)).status, 130);
});

test("a reader that had enough is no error", async () => {
  await using home = await cliHome({
    answer(_request, response) {
      const more = (): void => {
        while (!response.destroyed && response.write("line\n".repeat(10_000))) continue;
        response.once("drain", more);
      };
      more();
    },
  });
  const child = home.start("vm", "logs", "-f", "demo");
  child.stdout.once("data", () => child.stdout.destroy());
  const stderr = text(child.stderr);
  const [status] = (await once(child, "exit")) as [number | null];
  assert.equal(await stderr, "");
  assert.equal(status, 0);
});

test("exec carries 100 MB of stdin and stdout unharmed, keeps stderr apart, and ends as the command did", async () => {
  const piece = randomBytes(1024 ** 2);
  await using home = await cliHome({
    socket(webSocket) {
      onFrames(
        webSocket,
        () => webSocket.send(Buffer.concat([Buffer.of(STDERR), Buffer.from("warning\n")])),
        (bytes) => {
          if (bytes === undefined) return exit(webSocket, 7);
          webSocket.pause();
          webSocket.send(out(bytes), () => webSocket.resume());
        },
      );
    },
  });
  const child = home.start("vm", "exec", "demo", "--", "cat");
  const received = createHash("sha256");
  const sent = createHash("sha256");
  function* source(): Generator<Buffer> {
    for (let i = 0; i < 100; i += 1) {
      piece.writeUInt32LE(i);
      sent.update(piece);
      yield Buffer.from(piece);
    }
  }
  const [stderr, [status]] = await Promise.all([
    text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
    pipeline(Readable.from(source()), child.stdin),
    pipeline(child.stdout, received),
  ]);
  assert.equal(received.digest("hex"), sent.digest("hex"));
  assert.equal(stderr, "warning\n");
  assert.equal(status, 7);
});

test("exec passes the command, its surroundings and signals on", async () => {
  const frames: Record<string, unknown>[] = [];
  await using home = await cliHome({
    socket(webSocket) {
      onFrames(webSocket, (frame) => {
        frames.push(frame);
        if (frame["type"] === "start") webSocket.send(out("ready\n"));
        else exit(webSocket, 143);
      });
    },
  });
  const child = home.start("vm", "exec", "demo", "-u", "me", "-w", "/srv", "-e", "A=1", "--", "sleep", "-1", "--json");
  child.stdout.once("data", () => child.kill("SIGTERM"));
  const { status, stdout } = await resultOf(child);
  assert.equal(stdout.toString(), "ready\n");
  assert.equal(status, 143);
  assert.deepEqual(frames, [
    { type: "start", argv: ["sleep", "-1", "--json"], env: { A: "1" }, user: "me", cwd: "/srv" },
    { type: "signal", signal: "SIGTERM" },
  ]);
});

test("exec does not wait for a stdin that stays open, and ends quietly when its reader goes", async () => {
  await using home = await cliHome({
    socket(webSocket) {
      const more = (): void => webSocket.send(out("y\n".repeat(10_000)), (error) => error ?? more());
      onFrames(webSocket, ({ argv }) => (String(argv) === "true" ? exit(webSocket, 0) : more()));
    },
  });
  const quick = home.start("vm", "exec", "demo", "--", "true");
  assert.equal((await resultOf(quick)).status, 0);
  const endless = home.start("vm", "exec", "demo", "--", "yes");
  endless.stdout.once("data", () => endless.stdout.destroy());
  const stderr = text(endless.stderr);
  const [status] = (await once(endless, "exit")) as [number | null];
  assert.equal(await stderr, "");
  assert.equal(status, 141);
});

test("run pulls what is not here, runs, deletes the VM, and ends as the command did", async () => {
  const asked: string[] = [];
  await using home = await cliHome({
    answer({ name, body, fields }, response) {
      asked.push(`${name} ${body}${JSON.stringify(fields)}`);
      if (name === "imageList") return sendJson(response, 200, []);
      if (name === "imagePull") return void response.end('{"result":{"id":"img-1","name":"debian"}}\n');
      response.end(`${JSON.stringify({ result: vm })}\n`);
    },
    socket(webSocket, { fields }) {
      onFrames(webSocket, (frame) => {
        asked.push(`exec ${fields["ref"]} ${JSON.stringify(frame)}`);
        exit(webSocket, 7);
      });
    },
  });
  const { status, stderr } = await home.run("run", "debian:bookworm", "--", "sh", "-c", "exit 7");
  assert.equal(status, 7, stderr);
  assert.deepEqual(asked, [
    "imageList {}",
    'imagePull {"reference":"debian:bookworm","insecure":false}{}',
    'vmCreate {"nat":false,"env":{},"image":"img-1"}{}',
    'exec vm-0123456789abcdef {"type":"start","command":["sh","-c","exit 7"]}',
    'vmDelete {"ref":"vm-0123456789abcdef","force":"true"}',
  ]);
});

test("run deletes its VM when the command cannot be run, and keeps it when told", async () => {
  const asked: string[] = [];
  await using home = await cliHome({
    answer({ name }, response) {
      asked.push(name);
      if (name === "imageList") return sendJson(response, 200, [{ id: "img-1", name: "debian", reference: "d" }]);
      response.end(`${JSON.stringify({ result: vm })}\n`);
    },
    socket(webSocket) {
      onFrames(webSocket, ({ type }) => {
        if (type !== "start") return;
        webSocket.send(
          JSON.stringify({ type: "error", error: { code: "EXEC_FAILED", what: "no such file", fix: "f" } }),
        );
        webSocket.close();
      });
    },
  });
  assert.equal((await home.run("run", "debian", "--", "nothing")).status, 7);
  assert.deepEqual(asked.splice(0), ["imageList", "vmCreate", "vmDelete"]);
  const kept = await home.run("run", "--keep", "debian", "--", "nothing");
  assert.deepEqual(asked, ["imageList", "vmCreate"]);
  assert.match(kept.stderr, /VM demo is kept\./);
});

test("proxy joins stdin and stdout with the guest, prints nothing else, and ends with it", async () => {
  await using home = await cliHome({
    socket(webSocket, { fields }) {
      webSocket.send(Buffer.from(`${fields["target"]}\n`));
      webSocket.on("message", (data: RawData, isBinary: boolean) => {
        if (isBinary) return webSocket.send(data as Buffer);
        webSocket.send(JSON.stringify({ type: "end" }));
        webSocket.close();
      });
    },
  });
  const child = home.start("vm", "proxy", "demo", "--target", "unix:/run/x");
  child.stdin.end(Buffer.of(0, 255, 13, 10));
  const { status, stdout, stderr } = await resultOf(child);
  assert.deepEqual([status, stdout.toString("latin1"), stderr], [0, "unix:/run/x\n\u0000\u00FF\r\n", ""]);
});

test("Ctrl-C does not stop run from deleting its VM", async () => {
  const asked: string[] = [];
  const home = await cliHome({
    async answer({ name, message }, response) {
      asked.push(name);
      if (name === "imageList") return sendJson(response, 200, [{ id: "img-1", name: "debian", reference: "d" }]);
      if (name === "vmCreate") return void response.end(`${JSON.stringify({ result: vm })}\n`);
      child.kill("SIGINT");
      // The note says that the signal was heard; the connection must not end by it.
      const ended = once(message.socket, "end");
      const heard = once(child.stderr, "data");
      assert.equal(await Promise.race([ended.then(() => "cancelled"), heard.then(() => "heard")]), "heard");
      response.end('{"result":{}}\n');
    },
    socket(webSocket) {
      onFrames(webSocket, () => exit(webSocket, 0));
    },
  });
  await using _ = home;
  const child = home.start("run", "debian", "--", "true");
  const { status } = await resultOf(child);
  assert.equal(status, 0);
  assert.deepEqual(asked, ["imageList", "vmCreate", "vmDelete"]);
});
