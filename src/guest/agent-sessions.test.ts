import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import type { AgentAttachment, AgentClient } from "./agent-client.ts";
import { agentOnSocket, buildAgent, temporaryFolder, type AgentUnderTest } from "./agent-under-test.ts";
import type { SessionSpec } from "./agent-sessions.ts";

const ALL = 2 ** 30;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let binary: string;
before(async () => {
  folder = await temporaryFolder();
  binary = await buildAgent();
});
after(() => folder[Symbol.asyncDispose]());

/** An agent with a folder of sessions that outlives it, whose path is short enough for a socket's address. */
class Lab implements AsyncDisposable {
  readonly dir: string;
  readonly limit = AbortSignal.timeout(60_000);
  #agent: AgentUnderTest;
  client: AgentClient;

  private constructor(dir: string, agent: AgentUnderTest, client: AgentClient) {
    [this.dir, this.#agent, this.client] = [dir, agent, client];
  }

  static async start(): Promise<Lab> {
    const dir = await mkdtemp(join(tmpdir(), "ses-"));
    const agent = await agentOnSocket(binary, folder.path, ["--sessions", dir]);
    return new Lab(dir, agent, await agent.connect());
  }

  get sessions(): AgentClient["sessions"] {
    return this.client.sessions;
  }

  /** Kills the agent, and has another take its place. */
  async restart(): Promise<void> {
    this.#agent.process.kill("SIGKILL");
    await once(this.#agent.process, "exit");
    this.client.close();
    this.#agent = await agentOnSocket(binary, folder.path, ["--sessions", this.dir]);
    this.client = await this.#agent.connect();
  }

  sh(name: string, script: string, more: Partial<SessionSpec> = {}): ReturnType<AgentClient["sessions"]["create"]> {
    const spec = { name, argv: ["/bin/sh", "-c", script], env: {}, cwd: "/", user: "", keepStdin: true };
    return this.sessions.create({ ...spec, ...more }, this.limit);
  }

  attach(
    name: string,
    more: { write?: boolean; steal?: boolean; historyBytes?: number } = {},
  ): Promise<AgentAttachment> {
    const request = { name, write: true, steal: false, historyBytes: ALL, ...more };
    return this.sessions.attach(request, this.limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of await this.sessions.list(this.limit)) await this.sessions.delete(name, true, this.limit);
    this.client.close();
    await this.#agent[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true, force: true });
  }
}

const TTY = { rows: 24, cols: 80, term: "xterm" };

/** Reads on until the output so far has this word, or the session has ended. */
async function until(attached: AgentAttachment, wanted: string): Promise<string> {
  let text = "";
  for (;;) {
    const next = await attached.events.next();
    if (next.done === true) throw new Error(`it ended after ${JSON.stringify(text)}`);
    const event = next.value;
    if (event.type === "output" && event.piece.kind !== "size") text += Buffer.from(event.piece.bytes).toString();
    if (event.type === wanted || text.includes(wanted)) return text;
    if (event.type === "ended") throw new Error(`it ended after ${JSON.stringify(text)}`);
  }
}

async function refused(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof BangerError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

describe("sessions of a real agent", { timeout: 120_000 }, () => {
  test("one is made, told of, waited for and forgotten", async () => {
    await using lab = await Lab.start();
    const { sessions, limit } = lab;
    const made = await lab.sh("", "echo hello; read x; exit 3", { tty: TTY });
    assert.deepEqual([made.name, made.state, made.terminal], ["sh", "running", { rows: 24, cols: 80 }]);
    await refused(lab.sh("sh", "true"), "NAME_TAKEN");
    await refused(lab.sh("a/b", "true"), "BAD_REQUEST");
    await refused(lab.sh("none", "", { argv: ["/no/such"] }), "EXEC_FAILED");
    await refused(sessions.inspect("none", limit), "SESSION_NOT_FOUND");
    await refused(sessions.delete("sh", false, limit), "SESSION_WRONG_STATE");
    await sessions.resize("sh", { rows: 30, cols: 90 }, limit);
    await sessions.send("sh", Buffer.from("go\r"), false, limit);
    const ended = await sessions.wait("sh", limit);
    assert.deepEqual([ended.state, ended.exitCode, ended.terminal], ["failed", 3, { rows: 30, cols: 90 }]);
    await refused(sessions.send("sh", Buffer.from("x"), false, limit), "SESSION_WRONG_STATE");
    const kinds: string[] = [];
    for await (const piece of sessions.log("sh", { follow: false }, limit)) kinds.push(piece.kind);
    assert.deepEqual(kinds.slice(0, 2), ["size", "stdout"]);
    await sessions.delete("sh", false, limit);
    assert.deepEqual(await sessions.list(limit), []);
  });

  test("several read, one writes and is taken over from", async () => {
    await using lab = await Lab.start();
    await lab.sh("cat", "cat");
    const first = await lab.attach("cat");
    const watcher = await lab.attach("cat", { write: false });
    await refused(lab.attach("cat"), "SESSION_BUSY");
    first.stdin.write("one\n");
    await Promise.all([until(first, "one\n"), until(watcher, "one\n")]);
    const second = await lab.attach("cat", { steal: true });
    await until(first, "taken");
    first.stdin.write("lost\n");
    second.stdin.write("two\n");
    assert.equal(await until(second, "two\n"), "one\ntwo\n");
    assert.equal(await until(watcher, "two\n"), "two\n");
    await second.events.return(undefined);
    // Who lets go leaves the place to another.
    for (;;) {
      const { hasWriter } = await lab.sessions.inspect("cat", lab.limit);
      if (!hasWriter) break;
    }
    const third = await lab.attach("cat", { historyBytes: 0 });
    third.stdin.write("three\n");
    assert.equal(await until(third, "three\n"), "three\n");
    await lab.sessions.send("cat", new Uint8Array(), true, lab.limit);
    assert.equal((await lab.sessions.wait("cat", lab.limit)).state, "exited");
    await until(watcher, "ended");
  });

  test("the agent's end is none of the session's", async () => {
    await using lab = await Lab.start();
    const { pid } = await lab.sh("stays", "echo up; while read word; do echo $word again; done");
    const cut = await lab.attach("stays");
    await until(cut, "up\n");
    await lab.restart();
    await assert.rejects(until(cut, "never"));
    const after = await lab.sessions.inspect("stays", lab.limit);
    assert.deepEqual([after.state, after.pid], ["running", pid]);
    const attached = await lab.attach("stays");
    attached.stdin.write("over\n");
    assert.equal(await until(attached, "over again\n"), "up\nover again\n");
    assert.equal((await lab.sessions.end("stays", lab.limit)).state, "killed");
    await until(attached, "ended");
  });

  test("input of any size arrives whole, and no more is on its way than there is room for", async () => {
    await using lab = await Lab.start();
    await lab.sh("sum", "head -c 5000000 | cksum");
    const attached = await lab.attach("sum");
    const bytes = Buffer.alloc(5_000_000, "banger ");
    const summed = until(attached, "\n");
    attached.stdin.write(bytes);
    assert.equal(await summed, execFileSync("cksum", { input: bytes, encoding: "utf8" }));
  });

  test("a log of more than its bound keeps its end, and says so", async () => {
    await using lab = await Lab.start();
    await lab.sh("loud", "yes 0123456789abcdef | head -c 20000000; echo; echo the end");
    const ended = await lab.sessions.wait("loud", lab.limit);
    assert.ok(
      ended.logCut && ended.logBytes <= 8 * 1024 ** 2 && ended.logBytes > 4 * 1024 ** 2,
      String(ended.logBytes),
    );
    let last = "";
    let bytes = 0;
    for await (const piece of lab.sessions.log("loud", { follow: true }, lab.limit)) {
      if (piece.kind === "size") continue;
      last = (last + Buffer.from(piece.bytes).toString()).slice(-20);
      bytes += piece.bytes.length;
    }
    assert.match(last, /the end\n$/);
    assert.ok(bytes > 4 * 1024 ** 2, String(bytes));
  });
});
