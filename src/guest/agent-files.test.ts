import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { BangerError } from "../lib/errors.ts";
import type { AgentClient } from "./agent-client.ts";
import { agentOnSerialPort, agentOnSocket, buildAgent, temporaryFolder } from "./agent-under-test.ts";
import { lyingAgent } from "./testing/lying-agent.ts";

const run = promisify(execFile);
const never = new AbortController().signal;
const MIB = 1024 ** 2;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let binary: string;
before(async () => {
  folder = await temporaryFolder();
  await chmod(folder.path, 0o755);
  binary = await buildAgent();
});
after(() => folder[Symbol.asyncDispose]());

const place = (path: string, user = "") => ({ path, user });
const file = (over: { mode?: number; exclusive?: boolean } = {}) => ({
  what: { kind: "file" as const, exclusive: false, ...over },
  parents: false,
  owner: "",
});
const archive = { what: { kind: "archive" as const, keep: false }, parents: false, owner: "" };

/** Fails unless it is refused with this code. */
async function refused(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof BangerError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

async function* pieces(...all: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) {
    if (piece instanceof Error) throw piece;
    yield piece;
  }
}

async function write(agent: AgentClient, path: string, bytes: Uint8Array, how = file()): Promise<number> {
  const under = await agent.files.store(place(path), how, never);
  return (await under.send(pieces(bytes))).bytes;
}

async function read(agent: AgentClient, path: string, offset = 0, length?: number): Promise<Buffer> {
  const { bytes } = await agent.files.fetch(place(path), { kind: "file", offset, length }, never);
  return buffer(bytes);
}

for (const [name, make] of [
  ["socket", agentOnSocket],
  ["serial port", agentOnSerialPort],
] as const) {
  describe(`files over a ${name}`, () => {
    const withAgent =
      (work: (agent: AgentClient, dir: string) => Promise<void>): (() => Promise<void>) =>
      async () => {
        await using host = await make(binary, folder.path);
        const agent = await host.connect();
        await work(agent, await mkdtemp(join(folder.path, "t-")));
        agent.close();
      };

    test(
      "a file goes in and comes out, whole and in part",
      withAgent(async (agent, dir) => {
        const content = randomBytes(9 * MIB + 17);
        const path = join(dir, "file");
        assert.equal(await write(agent, path, content, file({ mode: 0o640 })), content.length);
        assert.deepEqual(await readFile(path), content);
        assert.deepEqual(await read(agent, path), content);
        assert.deepEqual(await read(agent, path, MIB, 5), content.subarray(MIB, MIB + 5));
        const told = await agent.files.stat(place(path), { follow: false, attributes: true }, never);
        assert.deepEqual([told.type, told.mode, told.sizeBytes], ["file", 0o640, content.length]);
        await refused(write(agent, path, content, file({ exclusive: true })), "FILE_EXISTS");
        await write(agent, path, Buffer.alloc(0));
        assert.equal((await stat(path)).size, 0);
      }),
    );

    test(
      "what is cut off leaves nothing behind",
      withAgent(async (agent, dir) => {
        const path = join(dir, "file");
        const under = await agent.files.store(place(path), file(), never);
        const cut = new Error("the client went away");
        await assert.rejects(under.send(pieces(randomBytes(5 * MIB), cut)), /went away/);
        const aborted = new AbortController();
        const other = await agent.files.store(place(path), file(), aborted.signal);
        const sending = other.send(
          (async function* () {
            yield randomBytes(MIB);
            aborted.abort(new BangerError("CANCELLED", { what: "enough", fix: "none" }));
            yield randomBytes(MIB);
          })(),
        );
        await refused(sending, "CANCELLED");
        // The agent takes its file away when it hears of the end: the next call comes after that.
        await refused(agent.files.stat(place(path), { follow: false, attributes: false }, never), "PATH_NOT_FOUND");
        for (let left = 100; (await readdir(dir)).length > 0; left -= 1) {
          assert.ok(left > 0, String(await readdir(dir)));
          await agent.files.list(place(dir), { depth: 1, limit: 10, after: "" }, never);
        }
      }),
    );

    test(
      "a tree goes in and comes out as tar has it",
      withAgent(async (agent, dir) => {
        await mkdir(join(dir, "in/sub"), { recursive: true });
        await writeFile(join(dir, "in/sub/file"), randomBytes(3 * MIB));
        await symlink("sub/file", join(dir, "in/link"));
        const { stdout } = await run("tar", ["-c", "-C", dir, "in"], { encoding: "buffer", maxBuffer: 64 * MIB });
        await mkdir(join(dir, "out"));
        const under = await agent.files.store(place(join(dir, "out")), archive, never);
        assert.equal((await under.send(pieces(stdout))).entries, 4);
        await run("diff", ["-r", "--no-dereference", join(dir, "in"), join(dir, "out/in")]);
        const packed = await agent.files.fetch(
          place(join(dir, "out/in")),
          { kind: "archive", name: "again", follow: false },
          never,
        );
        await writeFile(join(dir, "a.tar"), packed.bytes);
        await run("tar", ["-x", "-C", dir, "-f", join(dir, "a.tar")]);
        await run("diff", ["-r", "--no-dereference", join(dir, "in"), join(dir, "again")]);
        await writeFile(join(dir, "again/sub/file"), "x");
        await assert.rejects(run("diff", ["-r", join(dir, "in"), join(dir, "again")]));
        const broken = await agent.files.store(place(join(dir, "out")), archive, never);
        await refused(broken.send(pieces(stdout.subarray(0, MIB))), "BAD_REQUEST");
      }),
    );

    test(
      "names are listed in pages, made, renamed, changed and removed",
      withAgent(async (agent, dir) => {
        const { files } = agent;
        await files.makeFolder(place(join(dir, "a/b")), { parents: true, mode: 0o700, owner: "" }, never);
        await files.move(place(join(dir, "a/b")), join(dir, "a/c"), false, never);
        await write(agent, join(dir, "a/file"), Buffer.from("x"));
        const page = await files.list(place(dir), { depth: 2, limit: 2, after: "" }, never);
        assert.deepEqual([page.entries.map(({ path }) => path), page.more], [["a", "a/c"], true]);
        const last = await files.list(place(dir), { depth: 2, limit: 2, after: "a/c" }, never);
        assert.deepEqual([last.entries.map(({ path }) => path), last.more], [["a/file"], false]);
        const change = {
          follow: false,
          mode: 0o600,
          owner: "",
          mtime: 1e9 + 0.25,
          attributes: {},
          removeAttributes: [],
        };
        await files.change(place(join(dir, "a/file")), change, never);
        const told = await files.stat(place(join(dir, "a/file")), { follow: false, attributes: false }, never);
        assert.deepEqual([told.mode, told.mtime], [0o600, 1e9 + 0.25]);
        await refused(files.remove(place(join(dir, "a")), false, never), "FILE_UNFIT");
        await files.remove(place(join(dir, "a")), true, never);
        assert.deepEqual(await readdir(dir), []);
        await refused(files.list(place(join(dir, "a")), { depth: 1, limit: 10, after: "" }, never), "PATH_NOT_FOUND");
        await refused(files.list(place("bad\0path"), { depth: 1, limit: 10, after: "" }, never), "BAD_REQUEST");
        await refused(
          files.stat(place(dir, "nobody-at-all"), { follow: false, attributes: false }, never),
          "PATH_NOT_FOUND",
        );
      }),
    );

    test(
      "the kernel judges what a user may",
      { skip: process.geteuid?.() === 0 ? false : "only root can become somebody" },
      withAgent(async (agent, dir) => {
        await chmod(dir, 0o755);
        await mkdir(join(dir, "his"));
        await chown(join(dir, "his"), 4321, 4321);
        const as = (path: string) => ({ path: join(dir, path), user: "4321:4321" });
        await refused(agent.files.makeFolder(as("no"), { parents: false, owner: "" }, never), "FILE_DENIED");
        const under = await agent.files.store(as("his/file"), file(), never);
        await under.send(pieces(Buffer.from("x")));
        const { uid, gid } = await agent.files.stat(as("his/file"), { follow: false, attributes: false }, never);
        assert.deepEqual([uid, gid], [4321, 4321]);
        const given = await agent.files.store(as("his/other"), { ...file(), owner: "0:0" }, never);
        await refused(given.send(pieces(Buffer.from("x"))), "FILE_DENIED");
        assert.deepEqual(await readdir(join(dir, "his")), ["file"]);
      }),
    );

    test(
      "a watch tells what happens",
      withAgent(async (agent, dir) => {
        const stop = new AbortController();
        const events = agent.files.watch(place(dir), true, stop.signal);
        assert.deepEqual((await events.next()).value, { type: "ready" });
        await mkdir(join(dir, "new"));
        assert.deepEqual((await events.next()).value, { type: "created", path: "new", isFolder: true });
        stop.abort(new BangerError("CANCELLED", { what: "enough", fix: "none" }));
        await refused(events.next(), "CANCELLED");
        await refused(agent.files.watch(place(join(dir, "none")), true, never).next(), "PATH_NOT_FOUND");
      }),
    );

    test(
      "one that is slow to be written holds up no other call",
      withAgent(async (agent, dir) => {
        const { promise: released, resolve: release } = Promise.withResolvers<void>();
        const slow = await agent.files.store(place(join(dir, "slow")), file(), never);
        const sending = slow.send(
          (async function* () {
            yield randomBytes(8 * MIB);
            await released;
          })(),
        );
        const reader = await agent.files.fetch(
          place("/dev/shm/../../proc/self/maps"),
          { kind: "file", offset: 0 },
          never,
        );
        await reader.bytes.next();
        assert.equal(await write(agent, join(dir, "quick"), randomBytes(6 * MIB)), 6 * MIB);
        await reader.bytes.return(undefined);
        release();
        assert.equal((await sending).bytes, 8 * MIB);
      }),
    );
  });
}

test("an agent of an older banger has no such calls", async () => {
  await using old = await lyingAgent({});
  const agent = await old.connect();
  await refused(agent.files.stat(place("/"), { follow: false, attributes: false }, never), "GUEST_UNSUPPORTED");
  await refused(agent.files.store(place("/x"), file(), never), "GUEST_UNSUPPORTED");
  await refused(agent.files.fetch(place("/x"), { kind: "file", offset: 0 }, never), "GUEST_UNSUPPORTED");
  agent.close();
});
