import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:os";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { RawData } from "ws";
import { STDERR } from "../api/exec-streams.ts";
import { exit, onFrames, out } from "./testing/exec-frames.ts";
import { cliHome, resultOf } from "./testing/cli-process.ts";

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

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal} ends a client whose command has not begun, since nothing would take it`, async () => {
    await using home = await cliHome({ socket: (webSocket) => onFrames(webSocket, () => child.kill(signal)) });
    const child = home.start("vm", "exec", "demo", "--", "true");
    const { status } = await resultOf(child);
    // It may come before anybody listens for it.
    assert.ok(status === null || status === 128 + constants.signals[signal], String(status));
  });
}

test("a second SIGINT ends a client whose command does not end by the first", async () => {
  const frames: unknown[] = [];
  await using home = await cliHome({
    socket(webSocket) {
      onFrames(webSocket, (frame) => {
        frames.push(frame["signal"] ?? frame["type"]);
        // Its output shows that the client listens for signals by then.
        if (frame["type"] === "start") webSocket.send(out("x"));
        else child.kill("SIGINT");
      });
    },
  });
  const child = home.start("vm", "exec", "demo", "--", "trap-it");
  child.stdout.once("data", () => child.kill("SIGINT"));
  assert.equal((await resultOf(child)).status, 130);
  assert.deepEqual(frames, ["start", "SIGINT"]);
});

test("a command that is larger than a frame is refused with the limit", async () => {
  await using home = await cliHome({ socket: () => assert.fail("nothing is sent") });
  const words = Array.from({ length: 12 }, () => "x".repeat(100_000));
  const { status, stderr } = await home.run("vm", "exec", "demo", "--", "echo", ...words);
  assert.equal(status, 125);
  assert.match(stderr, /the command is too long[^]*may take 1048576/);
});
