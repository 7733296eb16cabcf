import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { buildAgent, temporaryFolder } from "./agent-under-test.ts";
import { connectAgent } from "./agent-client.ts";
import { dialerFor } from "./dial.ts";

const limit = (): AbortSignal => AbortSignal.timeout(60_000);

suite("a line by vsock", { timeout: 300_000 }, () => {
  test("is joined on the host by the agent's own program, again and again until the guest is there", async (t) => {
    await using folder = await temporaryFolder();
    const socket = join(folder.path, "agent.sock");
    const binary = await buildAgent();
    const words = ["serve", "--listen-unix", socket, "--host-key", join(folder.path, "host-key")];
    const agent = spawn(binary, words, { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => agent.kill());
    await once(agent.stdout, "data");
    // In place of the program: it knows this guest, once it has been asked three times.
    const program = join(folder.path, "program");
    const calls = join(folder.path, "calls");
    await writeFile(program, standInProgram(calls, socket), { mode: 0o755 });
    const dial = dialerFor({ kind: "vhost-vsock", cid: 77, port: 1024 }, program);
    const client = await connectAgent({ dial, signal: limit() });
    assert.ok((await client.info(limit())).abilities.length > 0);
    const asked = (await readFile(calls, "utf8")).trim().split("\n");
    assert.deepEqual([...new Set(asked)], ["vsock-connect 77 1024"]);
    assert.ok(asked.length >= 3, `asked ${asked.length} times`);
    client.close();
  });

  const dialed = (path: string, signal = limit()) =>
    dialerFor({ kind: "firecracker-vsock", socketPath: path, port: 1024 }, "")(signal);

  test("goes by Firecracker's socket; the guest's first bytes may come with the answer", async (t) => {
    await using folder = await temporaryFolder();
    const heard: string[] = [];
    const path = await listen(t, folder.path, (socket) => {
      socket.on("data", (chunk) => {
        heard.push(chunk.toString());
        socket.write("OK 1073741824\nfrom the guest");
      });
    });
    const stream = await dialed(path);
    const [first] = (await once(stream, "data")) as [Buffer];
    assert.equal(first.toString(), "from the guest");
    assert.deepEqual(heard, ["CONNECT 1024\n"], "whole, in one piece");
    stream.destroy();
  });

  test("is refused where nobody listens, and by what does not speak so", async (t) => {
    await using folder = await temporaryFolder();
    const answering = (answer: string) => (socket: Socket) => socket.once("data", () => socket.end(answer));
    const cases: readonly (readonly [string, RegExp])[] = [
      ["", /nothing listens on vsock port 1024/],
      ["NO 1\n", /answered "NO 1\\n"/],
      ["O".repeat(100), /too long/],
    ];
    for (const [answer, why] of cases) {
      const path = await listen(t, folder.path, answering(answer));
      await assert.rejects(dialed(path), { code: "AGENT_UNREACHABLE", why });
    }
  });

  test("is given up where nobody answers, and with its caller", async (t) => {
    await using folder = await temporaryFolder();
    const path = await listen(t, folder.path, (socket) => socket.resume());
    await assert.rejects(dialed(path), { code: "TIMED_OUT", what: /answer to CONNECT/ });
    const giveUp = new AbortController();
    const waiting = dialed(path, giveUp.signal);
    setImmediate(() => giveUp.abort());
    await assert.rejects(waiting, { name: "AbortError" });
  });
});

function standInProgram(calls: string, socket: string): string {
  return `#!${process.execPath}
const { appendFileSync, readFileSync } = require("node:fs");
appendFileSync(${JSON.stringify(calls)}, process.argv.slice(2).join(" ") + "\\n");
if (readFileSync(${JSON.stringify(calls)}, "utf8").split("\\n").length < 4) process.exit(1);
const line = require("node:net").connect(${JSON.stringify(socket)});
process.stdin.pipe(line).pipe(process.stdout);
`;
}

let sockets = 0;

async function listen(t: TestContext, folder: string, serve: (socket: Socket) => void): Promise<string> {
  sockets += 1;
  const path = join(folder, `v${sockets}.sock`);
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    serve(socket);
  }).listen(path);
  await once(server, "listening");
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return path;
}
