import { create } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { test } from "node:test";
import { guestSessionSchema } from "../model/session.ts";
import { guestSession } from "./agent-session-info.ts";
import { SessionSchema, SessionState, type Session } from "./gen/banger/agent/v1/sessions_pb.ts";
import { lyingAgent } from "./testing/lying-agent.ts";

const signal = new AbortController().signal;
const base = {
  name: "one",
  argv: ["sh"],
  cwd: "",
  user: "",
  hasStdin: false,
  state: SessionState.RUNNING,
  pid: 7,
  signal: 0,
  createdNs: 0n,
  sinceNs: 0n,
  hasWriter: false,
  logBytes: 0n,
  logCut: false,
};

const said = create(SessionSchema, base);

test("whatever a guest says of a session is bounded, and can be shown", () => {
  const most = 2n ** 63n - 1n;
  const told = guestSession({
    ...said,
    argv: Array.from({ length: 9_000 }, () => "\u001b[2J"),
    cwd: "\n".repeat(100_000),
    exitCode: -5,
    signal: 9_999,
    createdNs: most,
    sinceNs: -most,
    logBytes: 2n ** 64n - 1n,
    terminal: { rows: 2 ** 32 - 1, cols: 0 } as Session["terminal"],
  });
  assert.deepEqual(guestSessionSchema.parse(told), told);
  assert.ok(told.command.length <= 5_000 && !told.command.join("").includes("\u001b"));
  assert.ok(told.cwd.length <= 5_001);
  assert.deepEqual([told.exitCode, told.signal, told.logBytes], [255, undefined, 0]);
});

test("a session without a proper name, or in no known state, is none", async () => {
  for (const lie of [{ name: "../x" }, { name: "" }, { name: "a\nb" }, { state: 99 as SessionState }]) {
    await using agent = await lyingAgent(
      {},
      { getSession: () => ({ session: create(SessionSchema, { ...base, ...lie }) }) },
    );
    const client = await agent.connect();
    await assert.rejects(client.sessions.inspect("one", signal), { code: "AGENT_PROTOCOL" }, JSON.stringify(lie));
    client.close();
  }
});

test("an agent of an older banger refuses, and says so", async () => {
  await using agent = await lyingAgent({});
  const client = await agent.connect();
  await assert.rejects(client.sessions.list(signal), { code: "GUEST_UNSUPPORTED" });
  client.close();
});

test("a log without end ends when it is larger than any that an agent keeps", async () => {
  await using agent = await lyingAgent(
    {},
    {
      async *readSessionLog() {
        for (;;) yield { output: { what: { case: "stdout", value: new Uint8Array(3 * 2 ** 20) } } };
      },
    },
  );
  const client = await agent.connect();
  const read = async (): Promise<number> => {
    let bytes = 0;
    for await (const piece of client.sessions.log("one", { follow: false }, signal)) {
      bytes += piece.kind === "size" ? 0 : piece.bytes.length;
    }
    return bytes;
  };
  await assert.rejects(read(), { code: "AGENT_PROTOCOL" });
  client.close();
});

test("an attachment that begins with anything else than what the session is, or never ends properly, is refused", async () => {
  for (const replies of [[], [{ case: "live", value: {} }], [{ case: undefined }]] as const) {
    await using agent = await lyingAgent(
      {},
      {
        async *attachSession() {
          for (const message of replies) yield { message: message as never };
        },
      },
    );
    const client = await agent.connect();
    const request = { name: "one", write: true, steal: false, historyBytes: 0 };
    await assert.rejects(client.sessions.attach(request, signal), { code: "AGENT_PROTOCOL" });
    client.close();
  }
});
