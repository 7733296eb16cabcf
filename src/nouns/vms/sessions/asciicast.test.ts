import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import type { SessionPiece } from "../../../guest/agent-client.ts";
import type { GuestSession } from "../../../model/session.ts";
import { asciicast } from "./asciicast.ts";

const SESSION: GuestSession = {
  name: "top",
  command: ["top", "-d", "1"],
  cwd: "",
  user: "",
  terminal: { rows: 30, cols: 90 },
  stdin: true,
  state: "exited",
  createdAt: "2026-01-02T03:04:05.000Z",
  since: "2026-01-02T03:04:06.000Z",
  hasWriter: false,
  logBytes: 0,
  logCut: false,
};
const BEGAN = 1_767_323_045_000_000_000n;

function out(ms: number, bytes: string | Uint8Array, kind: "stdout" | "stderr" = "stdout"): SessionPiece {
  return { timeNs: BEGAN + BigInt(ms) * 1_000_000n, kind, bytes: Buffer.from(bytes) };
}

async function* all(pieces: readonly SessionPiece[]): AsyncGenerator<SessionPiece> {
  yield* pieces;
}

async function cast(pieces: readonly SessionPiece[], session = SESSION): Promise<readonly unknown[]> {
  const recorded = await text(asciicast(session, all(pieces)));
  return recorded
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

test("output and sizes have their times, and a character that came in two pieces is whole", async () => {
  const umlaut = Buffer.from("ü");
  assert.deepEqual(
    await cast([
      { timeNs: BEGAN, kind: "size", rows: 24, cols: 80 },
      out(0, "a"),
      out(500, umlaut.subarray(0, 1)),
      out(750, umlaut.subarray(1)),
      { timeNs: BEGAN + 1_000_000_000n, kind: "size", rows: 30, cols: 90 },
    ]),
    [
      { version: 2, width: 80, height: 24, timestamp: 1_767_323_045, command: "top -d 1" },
      [0, "o", "a"],
      [0.75, "o", "ü"],
      [1, "r", "90x30"],
    ],
  );
});

test("without a terminal its lines end as on one", async () => {
  const { terminal: _terminal, ...plain } = SESSION;
  assert.deepEqual(await cast([out(0, "one\ntwo\n"), out(10, "bad\n", "stderr")], plain), [
    { version: 2, width: 80, height: 24, timestamp: 1_767_323_045, command: "top -d 1" },
    [0, "o", "one\r\ntwo\r\n"],
    [0.01, "o", "bad\r\n"],
  ]);
});

test("a session that has printed nothing is a recording, too", async () => {
  assert.deepEqual(await cast([]), [
    { version: 2, width: 80, height: 24, timestamp: 1_767_323_045, command: "top -d 1" },
  ]);
});
