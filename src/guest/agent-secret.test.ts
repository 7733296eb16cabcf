import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after, before, suite, test } from "node:test";
import { connectAgent, type AgentClient } from "./agent-client.ts";
import { authenticate, SECRET_BYTES, type BootSecret } from "./agent-secret.ts";
import { agentOnSerialPort, agentOnSocket, buildAgent, temporaryFolder } from "./agent-under-test.ts";
import { connectSocket, type Dial } from "./dial.ts";
import { openSerialLine } from "./serial-line.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let binary: string;
before(async () => {
  folder = await temporaryFolder();
  binary = await buildAgent();
});
after(() => folder[Symbol.asyncDispose]());

const limit = (): AbortSignal => AbortSignal.timeout(20_000);
const isProtocol = { code: "AGENT_PROTOCOL" };

/** What a host keeps of a boot. */
function keep(value = randomBytes(SECRET_BYTES), changes: Partial<BootSecret> = {}): BootSecret & { known: number } {
  return {
    value,
    isKnown: false,
    known: 0,
    ...changes,
    noteKnown: async function () {
      this.known += 1;
    },
  };
}

async function works(agent: AgentClient): Promise<void> {
  assert.ok((await agent.stats(limit())).memoryTotalBytes > 0);
  agent.close();
}

for (const [name, make] of [
  ["socket", agentOnSocket],
  ["serial port", agentOnSerialPort],
] as const) {
  suite(`an agent on a ${name}`, () => {
    test("takes the first host's secret, and then answers nobody who does not know it", async () => {
      await using host = await make(binary, folder.path);
      const secret = keep();
      await works(await connectAgent({ dial: host.dial, secret, signal: limit() }));
      assert.equal(secret.known, 1);

      const stranger = await host.connect();
      const { abilities, challenge, hasSecret } = await stranger.info(limit());
      assert.deepEqual([abilities.includes("secret"), challenge.length, hasSecret], [true, SECRET_BYTES, true]);
      await assert.rejects(stranger.stats(limit()), isProtocol);
      await assert.rejects(
        stranger.configure({ hostname: "x", authorizedKeys: [], env: {}, dns: [], vsockPorts: [] }, limit()),
        isProtocol,
      );
      await assert.rejects(
        stranger
          .exec({ argv: ["/bin/true"], env: {}, cwd: "/", user: "" }, { signal: limit() })
          .then(({ exit }) => exit),
        isProtocol,
      );
      await assert.rejects(stranger.forward({ kind: "ssh" }, limit()), isProtocol);
      // A secret of one's own does not take the place of the first.
      const other = keep();
      await assert.rejects(
        authenticate(stranger, { abilities, challenge, hasSecret: false }, other, limit()),
        isProtocol,
      );
      // One try a connection: the right secret comes too late.
      await assert.rejects(authenticate(stranger, { abilities, challenge, hasSecret }, secret, limit()), isProtocol);
      stranger.close();

      await works(
        await connectAgent({
          dial: host.dial,
          secret: keep(Buffer.from(secret.value), { isKnown: true }),
          signal: limit(),
        }),
      );
    });

    test("is spoken with as ever by a host that knows of no secret", async () => {
      await using host = await make(binary, folder.path);
      await works(await host.connect());
    });
  });
}

test("an open line tells nobody anything, and takes no secret", async () => {
  await using host = await agentOnSocket(binary, folder.path, ["--open"]);
  const stranger = await host.connect();
  await assert.rejects(stranger.stats(limit()), isProtocol);
  const info = await stranger.info(limit());
  await assert.rejects(authenticate(stranger, info, keep(), limit()), isProtocol);
  stranger.close();
});

test("the secret of a guest with an open line comes by its serial port", async () => {
  await using guest = await agentOnBoth();
  const value = randomBytes(SECRET_BYTES);
  const secret = keep(value, {
    bring: async (signal) => (await connectAgent({ dial: guest.serial, secret: keep(value), signal })).close(),
  });
  await works(await connectAgent({ dial: guest.open, secret, signal: limit() }));
  assert.equal(secret.known, 1);
  await works(await connectAgent({ dial: guest.open, secret: keep(value, { isKnown: true }), signal: limit() }));
  await assert.rejects(connectAgent({ dial: guest.open, secret: keep(), signal: AbortSignal.timeout(1_000) }));
});

test("those who say nothing on an open line are few, and only for a while", async () => {
  await using host = await agentOnSocket(binary, folder.path, ["--open"]);
  const silent = await Promise.all(Array.from({ length: 17 }, () => host.dial(limit())));
  const since = performance.now();
  const first = await Promise.race(silent.map(async (socket) => (await once(socket.resume(), "close"), socket)));
  assert.ok(performance.now() - since < 5_000, "one too many is turned away at once");
  await Promise.all(
    silent
      .filter((socket) => socket !== first && !socket.destroyed)
      .map((socket) => once(socket, "close", { signal: limit() })),
  );
  const late = await host.connect();
  await late.info(limit());
  late.close();
});

/** What a guest that lies, or one that is older, answers. */
const says = (changes: object) => ({
  abilities: ["secret"],
  challenge: randomBytes(SECRET_BYTES),
  hasSecret: true,
  ...changes,
});

test("who cannot show the secret is not taken for the agent", async () => {
  const shows = (proof: Uint8Array) => ({ authenticate: () => Promise.resolve(proof) });
  const known = keep(undefined, { isKnown: true });
  for (const proof of [new Uint8Array(), randomBytes(32), randomBytes(64)]) {
    await assert.rejects(authenticate(shows(proof), says({}), keep(), limit()), isProtocol);
  }
  const mirror = { authenticate: ({ proof }: { readonly proof: Uint8Array }) => Promise.resolve(proof) };
  await assert.rejects(authenticate(mirror, says({}), keep(), limit()), isProtocol);
  const asked: Uint8Array[] = [];
  const greedy = {
    authenticate: (request: { readonly secret: Uint8Array }) => (
      asked.push(request.secret),
      Promise.resolve(request.secret)
    ),
  };
  await assert.rejects(authenticate(greedy, says({ hasSecret: false }), known, limit()), isProtocol);
  await assert.rejects(authenticate(greedy, says({ abilities: [] }), known, limit()), isProtocol);
  await assert.rejects(authenticate(greedy, says({ challenge: new Uint8Array() }), known, limit()), isProtocol);
  assert.deepEqual(asked, [], "a secret that was known is given to nobody again");
  await authenticate(greedy, says({ abilities: [] }), keep(), limit());
});

/** An agent with an open socket and a serial port, as on QEMU with the host's vsock. */
async function agentOnBoth(): Promise<AsyncDisposable & { readonly open: Dial; readonly serial: Dial }> {
  const path = join(folder.path, "both.sock");
  const flags = ["--listen-unix", path, "--open", "--serial-fd", "3", "--host-key", join(folder.path, "host-key")];
  const child = spawn(binary, ["serve", ...flags], { stdio: ["ignore", "pipe", "inherit", "pipe"] });
  const port = child.stdio[3] as Duplex;
  await once(child.stdout as Duplex, "data");
  return {
    open: (signal) => connectSocket(path, signal),
    serial: (signal) => openSerialLine(port, signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
