import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import type { ExecExit, ExecSession } from "../../client/exec-session.ts";
import { testIo } from "../testing/test-io.ts";
import { attach } from "./attach.ts";

test("interrupts that are further apart are all the command's; one soon after another ends the client", async (context) => {
  let now = 0;
  context.mock.method(performance, "now", () => now);
  const { promise: exit, reject } = Promise.withResolvers<ExecExit>();
  const passedOn: string[] = [];
  const session: ExecSession = {
    stdin: new PassThrough(),
    stdout: Readable.from([]),
    stderr: Readable.from([]),
    exit,
    started: true,
    resize: () => {},
    signal: (name) => void passedOn.push(`${name} at ${now}`),
    close: () => reject(new Error("closed")),
  };
  const ended = attach(session, testIo(), { sendsStdin: false });
  for (now of [1_000, 3_000, 10_000_000]) process.emit("SIGINT", "SIGINT");
  process.emit("SIGTERM", "SIGTERM");
  assert.deepEqual(passedOn, ["SIGINT at 1000", "SIGINT at 3000", "SIGINT at 10000000", "SIGTERM at 10000000"]);
  now += 1_999;
  process.emit("SIGINT", "SIGINT");
  assert.equal(await ended, 130);
  assert.equal(passedOn.length, 4);
});

test("a window that changed before the session began is told of, and one that did not is not", async () => {
  for (const [rows, told] of [
    [43, ["43x132"]],
    [24, []],
  ] as const) {
    const resized: string[] = [];
    const session: ExecSession = {
      stdin: new PassThrough(),
      stdout: Readable.from([]),
      stderr: Readable.from([]),
      exit: Promise.resolve({ code: 0 }),
      started: true,
      resize: (...size) => void resized.push(size.join("x")),
      signal: () => {},
      close: () => {},
    };
    const io = testIo();
    Object.assign(io.stdout, { rows, columns: 132 });
    await attach(session, io, { sendsStdin: false, size: { rows: 24, cols: 132, term: "xterm" } });
    assert.deepEqual(resized, told);
  }
});
