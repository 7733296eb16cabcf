import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Layout, layoutFrom } from "../model/layout.ts";
import { type DaemonProgram, startDaemon } from "./start-daemon.ts";

/** A home, and a program in the place of bangerd that does what the test writes: `say(word)` is its ready line. */
async function withDaemon(t: TestContext, source: string): Promise<{ layout: Layout; program: DaemonProgram }> {
  const folder = await mkdtemp(join(tmpdir(), "banger-start-"));
  t.after(() => rm(folder, { recursive: true }));
  const layout = layoutFrom({ HOME: folder, XDG_RUNTIME_DIR: folder });
  const main = join(folder, "bangerd.mjs");
  await writeFile(
    main,
    `import { closeSync, mkdirSync, writeSync } from "node:fs";
import { createServer } from "node:net";
const socket = ${JSON.stringify(layout.socket)};
const say = (word) => { writeSync(Number(process.env.BANGER_READY_FD), JSON.stringify(word) + "\\n"); closeSync(3); };
/** Answers one connection and ends. */
const listen = (then) => {
  mkdirSync(${JSON.stringify(layout.runDir)}, { recursive: true });
  const server = createServer((connection) => connection.end(() => server.close())).listen(socket, then);
};
${source}
`,
  );
  return { layout, program: { file: process.execPath, args: [main] } };
}

const signal = new AbortController().signal;

test("resolves once the daemon says that it is ready, with its output in the log", async (t) => {
  const { layout, program } = await withDaemon(t, `console.log("hello"); say({ ready: true, later: 1 });`);
  await startDaemon(layout, program, signal);
  assert.equal(await readFile(layout.daemonLog, "utf8"), "hello\n");
});

test("waits for the socket of another daemon that was quicker", async (t) => {
  const { layout, program } = await withDaemon(t, `say({ holder: 1 }); setTimeout(() => listen(), 100);`);
  await startDaemon(layout, program, signal);
});

test("names a process that holds the lock and answers nowhere, without a minute of silence", async (t) => {
  const { layout, program } = await withDaemon(t, `say({ holder: 1 });`);
  await mkdir(layout.stateDir, { recursive: true });
  const hold = `const { DatabaseSync } = require("node:sqlite");
    const lock = new DatabaseSync(process.argv[1]);
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    console.log("held");
    setInterval(() => lock, 1000);`;
  const holder = spawn(process.execPath, ["-e", hold, layout.lockFile], { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  await assert.rejects(startDaemon(layout, program, AbortSignal.timeout(30_000)), {
    code: "DAEMON_UNREACHABLE",
    what: new RegExp(`pid ${holder.pid}`),
    fix: /banger daemon stop/,
  });
});

test("tells what the daemon itself told", async (t) => {
  const error = { code: "CONFIG_INVALID", what: "line 3: unknown key vmx", fix: "remove it" };
  const { layout, program } = await withDaemon(t, `say({ error: ${JSON.stringify(error)} });`);
  await assert.rejects(startDaemon(layout, program, signal), error);
});

test("a daemon that dies without a word: the end of its own log, and not of an older one", async (t) => {
  const { layout, program } = await withDaemon(t, `console.error("the reason"); process.exit(1);`);
  const failure = { code: "DAEMON_START_FAILED", why: "the end of its log is\nthe reason" };
  await assert.rejects(startDaemon(layout, program, signal), failure);
  await assert.rejects(startDaemon(layout, program, signal), failure);
});

test("a daemon that is not there", async (t) => {
  const { layout } = await withDaemon(t, "");
  await assert.rejects(startDaemon(layout, { file: "/nonexistent/bangerd", args: [] }, signal), {
    code: "DAEMON_START_FAILED",
    what: "bangerd could not be run",
  });
});

test("an abort ends the waiting, whatever is awaited", async (t) => {
  const waits = [`setTimeout(() => {}, 2_000);`, `say({ holder: 1 });`];
  for (const source of waits) {
    const { layout, program } = await withDaemon(t, source);
    await assert.rejects(startDaemon(layout, program, AbortSignal.timeout(300)), { name: "TimeoutError" });
  }
});
