import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { RawData, WebSocket } from "ws";
import { type FakeHandlers, sendJson } from "../../client/testing/fake-daemon.ts";
import { type CliChild, cliHome } from "../testing/cli-process.ts";

const vm = { id: "vm-0123456789abcdef", name: "demo", state: "running" };

/** A guest in which `listens` says what answers: each connection is echoed in capitals after its client has ended. */
function guest(listens: () => boolean, asked: string[] = []): FakeHandlers {
  return {
    answer: (_request, response) => sendJson(response, 200, vm),
    socket(webSocket, { fields }) {
      const target = fields["target"] ?? "";
      asked.push(target);
      if (listens()) return echo(webSocket);
      const error = { code: "BAD_REQUEST", what: `nothing listens at ${target}`, why: "w", fix: "f" };
      webSocket.send(JSON.stringify({ type: "error", error }), () => webSocket.close(1011));
    },
  };
}

function echo(webSocket: WebSocket): void {
  const heard: Buffer[] = [];
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    if (isBinary) return void heard.push(data as Buffer);
    webSocket.send(Buffer.from(Buffer.concat(heard).toString().toUpperCase()));
    webSocket.send(JSON.stringify({ type: "end" }), () => webSocket.close(1000));
  });
}

/** The host's ports that a `banger port` says it listens on. */
async function hostPorts(child: CliChild, count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for await (const line of createInterface(child.stdout)) {
    ports.push(Number(/^127\.0\.0\.1:(\d+) leads to demo:\d+$/.exec(line)?.[1]));
    if (ports.length === count) break;
  }
  return ports;
}

async function talk(port: number, words: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.end(words);
  return text(socket);
}

async function interrupted(child: CliChild): Promise<number | null> {
  child.kill("SIGINT");
  const [status] = (await once(child, "exit")) as [number | null];
  return status;
}

test("each connection is one of the guest's own, and either side ends by itself", async () => {
  const asked: string[] = [];
  await using home = await cliHome(guest(() => true, asked));
  const child = home.start("port", "demo", "80:0", "8080:0");
  const [first = 0, second = 0] = await hostPorts(child, 2);
  assert.deepEqual(await Promise.all([talk(first, "one"), talk(second, "two"), talk(first, "x".repeat(300_000))]), [
    "ONE",
    "TWO",
    "X".repeat(300_000),
  ]);
  assert.deepEqual(asked.toSorted(), ["port:80", "port:80", "port:8080"]);
  assert.equal(await interrupted(child), 130);
});

test("a connection to what does not listen is closed, and the next may fare better", async () => {
  let listens = false;
  await using home = await cliHome(guest(() => listens));
  const child = home.start("port", "demo", "80:0");
  const said = text(child.stderr);
  const [port = 0] = await hostPorts(child, 1);
  assert.equal(await talk(port, "no").catch(() => ""), "");
  listens = true;
  assert.equal(await talk(port, "yes"), "YES");
  await interrupted(child);
  assert.match(await said, /^port 80: nothing listens at port:80/m);
});

test("a port of this host that is taken is refused", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  try {
    await using home = await cliHome(guest(() => true));
    const { port } = other.address() as AddressInfo;
    const { status, stderr } = await home.run("port", "demo", `80:${port}`);
    assert.equal(status, 4);
    assert.match(stderr, new RegExp(`^error\\[PORT_TAKEN\\]: port ${port} of 127\\.0\\.0\\.1 cannot be listened on`));
  } finally {
    other.close();
  }
});
