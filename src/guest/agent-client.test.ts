import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Duplex, Readable, Writable } from "node:stream";
import { BangerError } from "../lib/errors.ts";
import { connectAgent, type AgentClient, type AgentExec } from "./agent-client.ts";
import { agentOnSerialPort, agentOnSocket, buildAgent, temporaryFolder } from "./agent-under-test.ts";
import { encodeControl, HELLO, MARKER } from "./line-codec.ts";

const MIB = 1024 ** 2;
const never = new AbortController().signal;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let binary: string;
before(async () => {
  folder = await temporaryFolder();
  binary = await buildAgent();
});
after(() => folder[Symbol.asyncDispose]());

const sh = (script: string) => ({ argv: ["/bin/sh", "-c", script], env: {}, cwd: "/", user: "" });
const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

async function start(agent: AgentClient, script: string, signal = never): Promise<AgentExec> {
  return agent.exec(sh(script), { signal });
}

/** Feeds a stream no faster than it takes. */
async function feed(stream: Writable, blocks: Iterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for (const block of blocks) {
    hash.update(block);
    if (!stream.write(block)) await once(stream, "drain");
  }
  stream.end();
  return hash.digest("hex");
}

async function digest(stream: Readable): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function* blocks(totalBytes: number): Generator<Buffer> {
  // Every block holds the line's own marker, whole and in part: payload that looks like a control is still payload.
  const block = Buffer.concat([
    randomBytes(MIB - 60),
    MARKER,
    encodeControl(HELLO, randomBytes(8)),
    MARKER.subarray(0, 15),
    Buffer.alloc(4),
  ]);
  for (let sent = 0; sent < totalBytes; sent += MIB) yield block.subarray(0, Math.min(MIB, totalBytes - sent));
}

for (const [name, make] of [
  ["socket", agentOnSocket],
  ["serial port", agentOnSerialPort],
] as const) {
  describe(`an agent on a ${name}`, () => {
    test("says who it is", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const info = await agent.info(never);
      assert.match(info.sshHostKey, /^ssh-ed25519 /);
      assert.ok(info.abilities.includes("exec.tty"));
      assert.ok((await agent.stats(never)).memoryTotalBytes > 0);
      agent.close();
    });

    test("carries output apart, and the exit status", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const exec = await start(agent, "echo out; echo err >&2; exit 7");
      assert.deepEqual(await Promise.all([text(exec.stdout), text(exec.stderr)]), ["out\n", "err\n"]);
      assert.deepEqual(await exec.exit, { code: 7 });
      agent.close();
    });

    test("carries 32 MiB there and back unharmed", async (t) => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const began = performance.now();
      const exec = await start(agent, "exec cat");
      const [sent, received] = await Promise.all([feed(exec.stdin, blocks(32 * MIB)), digest(exec.stdout)]);
      assert.equal(received, sent);
      assert.deepEqual(await exec.exit, { code: 0 });
      t.diagnostic(`${((64 * 1000) / (performance.now() - began)).toFixed(0)} MiB/s in both directions together`);
      agent.close();
    });

    test("sends signals, also while stdin is full", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const exec = await start(agent, "exec sleep 1000");
      exec.stdout.resume();
      const full = feed(exec.stdin, blocks(8 * MIB)).catch(() => {});
      exec.kill("SIGTERM");
      assert.deepEqual(await exec.exit, { code: 143, signal: "SIGTERM" });
      exec.stdin.destroy();
      void full;
      agent.close();
    });

    test("gives a terminal that resizes", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const exec = await agent.exec(
        {
          ...sh("trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 0.05; done"),
          tty: { rows: 24, cols: 80, term: "" },
        },
        { signal: never },
      );
      const [first] = (await once(exec.stdout, "data")) as [Buffer];
      assert.equal(first.toString(), "24 80\r\n");
      exec.resize(50, 132);
      assert.equal(await text(exec.stdout), "50 132\r\n");
      assert.deepEqual(await exec.exit, { code: 0 });
      agent.close();
    });

    test("runs many commands at once", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const outputs = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => text((await start(agent, `echo ${i}`)).stdout)),
      );
      assert.deepEqual(
        outputs,
        Array.from({ length: 20 }, (_, i) => `${i}\n`),
      );
      agent.close();
    });

    test("refuses what cannot be run, with a shell's status", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const refusal = (spec: object) =>
        agent.exec({ ...sh(""), ...spec }, { signal: never }).then(
          () => assert.fail("it ran"),
          (error: unknown) => (error instanceof BangerError ? [error.code, error.data["exitCode"]] : error),
        );
      assert.deepEqual(await refusal({ argv: ["no-such-program"] }), ["EXEC_FAILED", 127]);
      assert.deepEqual(await refusal({ argv: ["/etc/passwd"] }), ["EXEC_FAILED", 126]);
      assert.deepEqual(await refusal({ user: "nobody-of-this-name" }), ["EXEC_FAILED", 126]);
      assert.deepEqual(await refusal({ cwd: "/no/such/folder" }), ["EXEC_FAILED", 126]);
      agent.close();
    });

    test("kills a command whose client goes away", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const abort = new AbortController();
      const exec = await start(agent, "echo $$; exec sleep 1000", abort.signal);
      const [first] = (await once(exec.stdout, "data")) as [Buffer];
      const pid = Number(first.toString());
      assert.equal(pid, exec.pid);
      abort.abort();
      await assert.rejects(exec.exit, code("CANCELLED"));
      const watcher = await start(agent, `while kill -0 ${pid} 2>/dev/null; do sleep 0.02; done; echo gone`);
      assert.equal(await text(watcher.stdout), "gone\n");
      agent.close();
    });

    test("forwards to a port, and each direction ends by itself", async () => {
      await using host = await make(binary, folder.path);
      const agent = await host.connect();
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        void text(socket).then((heard) => socket.end(`heard ${heard}`));
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      const stream = await agent.forward({ kind: "tcp", host: "127.0.0.1", port: address.port }, never);
      stream.end("hello");
      assert.equal(await text(stream), "heard hello");
      server.close();
      await assert.rejects(
        agent.forward({ kind: "unix", path: join(folder.path, "nobody.sock") }, never),
        code("BAD_REQUEST"),
      );
      agent.close();
    });

    test("fails its calls when the line breaks", async () => {
      await using host = await make(binary, folder.path);
      const abort = new AbortController();
      let line: Duplex | undefined;
      const agent = await connectAgent({
        dial: async (signal) => (line = await host.dial(signal)),
        signal: abort.signal,
      });
      const exec = await start(agent, "exec sleep 1000");
      exec.stdout.resume();
      line?.destroy();
      await assert.rejects(exec.exit, code("AGENT_UNREACHABLE"));
      assert.equal(agent.closed, true);
      const again = await host.connect();
      assert.equal(await text((await start(again, "echo back")).stdout), "back\n");
      again.close();
    });
  });
}

test("a serial line survives hosts that die in the midst of a stream, again and again", async () => {
  await using host = await agentOnSerialPort(binary, folder.path);
  for (let i = 0; i < 30; i++) {
    let line: Duplex | undefined;
    const agent = await connectAgent({
      dial: async (signal) => (line = await host.dial(signal)),
      signal: AbortSignal.timeout(10_000),
    });
    const exec = await start(agent, "exec cat /dev/zero");
    await once(exec.stdout, "data");
    line?.destroy();
    await assert.rejects(exec.exit, code("AGENT_UNREACHABLE"));
  }
});

test("an agent killed in the midst of a command fails it", async () => {
  await using host = await agentOnSocket(binary, folder.path);
  const agent = await host.connect();
  const exec = await start(agent, "exec sleep 3");
  exec.stdout.resume();
  host.process.kill("SIGKILL");
  await assert.rejects(exec.exit, code("AGENT_UNREACHABLE"));
});

describe("a guest that hangs", () => {
  const patience = { askEveryMs: 20, limitMs: 400 };
  const pastLimit = () => new Promise((resolve) => setTimeout(resolve, 3 * patience.limitMs));

  test("ends what waits for it, and the line with it", async () => {
    await using agent = await agentOnSerialPort(binary, folder.path);
    const client = await connectAgent({ dial: agent.dial, signal: never, patience });
    const exec = await start(client, "echo ready; sleep 100");
    await once(exec.stdout, "data");
    agent.process.kill("SIGSTOP");
    await assert.rejects(
      exec.exit,
      (error) => code("AGENT_UNREACHABLE")(error) && /has not answered/.test(String(error)),
    );
    assert.equal(client.closed, true);
    agent.process.kill("SIGCONT");
    const next = await agent.connect();
    assert.equal((await (await start(next, "exit 3")).exit).code, 3);
    next.close();
  });

  test("is not one that has nothing to say, or stands still on purpose", async () => {
    await using agent = await agentOnSerialPort(binary, folder.path);
    const client = await connectAgent({ dial: agent.dial, signal: never, patience });
    const exec = await start(client, "echo ready; read -r line; exit 5");
    await once(exec.stdout, "data");
    await pastLimit();
    client.keepStill(true);
    agent.process.kill("SIGSTOP");
    await pastLimit();
    agent.process.kill("SIGCONT");
    client.keepStill(false);
    await pastLimit();
    exec.stdin.end("go\n");
    assert.equal((await exec.exit).code, 5);
    client.close();
  });
});
