import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { RawData } from "ws";
import { STDOUT } from "../../api/exec-streams.ts";
import { type FakeHandlers, sendJson } from "../../client/testing/fake-daemon.ts";
import { cliHome, MAIN } from "../testing/cli-process.ts";
import { untilEscape } from "./escape.ts";

/** Runs banger on a terminal of its own (script(1)); the terminal's settings must be the same before and after. */
async function onTerminal(
  words: string,
  handlers: FakeHandlers,
  type: (write: (keys: string) => void, folder: string, screen: Readable) => void,
): Promise<{ screen: string; status: string }> {
  await using home = await cliHome(handlers);
  const line = `tty > tty; stty rows 24 cols 80; stty -g > before; "$NODE" "$MAIN" ${words}; echo $? > status; stty -g > after`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    cwd: home.folder,
    env: { ...home.env, NODE: process.execPath, MAIN, TERM: "xterm", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.on("error", () => {}); // Keys that come when all is over.
  type((keys) => void child.stdin.write(keys), home.folder, child.stdout);
  const [screen] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const read = (name: string): Promise<string> => readFile(join(home.folder, name), "utf8");
  assert.equal(await read("after"), await read("before"), "the terminal is not as it was");
  return { screen, status: (await read("status")).trim() };
}

test("exec on a terminal: its size, its keys as they are, and its new size when that changes", async () => {
  const frames: unknown[] = [];
  const keys: Buffer[] = [];
  let press: (keys: string) => void = () => {};
  let folder = "";
  const { screen, status } = await onTerminal(
    "vm exec demo -- sh",
    {
      socket(webSocket) {
        webSocket.on("message", (data: RawData, isBinary: boolean) => {
          const bytes = data as Buffer;
          if (isBinary) {
            keys.push(bytes.subarray(1));
            if (bytes.at(-1) !== 0x03) return;
            webSocket.send(Buffer.concat([Buffer.of(STDOUT), Buffer.from("bye\r\n")]));
            webSocket.send(JSON.stringify({ type: "exit", code: 3 }));
            webSocket.close();
            return;
          }
          const frame = JSON.parse(bytes.toString()) as { type: string; cols?: number };
          frames.push(frame);
          const terminal = readFileSync(join(folder, "tty"), "utf8").trim();
          if (frame.type === "start") webSocket.send(JSON.stringify({ type: "started", pid: 1 }));
          if (frame.type === "start") execFileSync("stty", ["-F", terminal, "rows", "33", "cols", "99"]);
          // stty sets one, then the other, and a quick reader sees both. Ctrl-C is a key of the guest's.
          else if (frame.cols === 99) press("ls\r\u0003");
        });
      },
    },
    (write, home) => {
      press = write;
      folder = home;
    },
  );
  assert.deepEqual(frames[0], { type: "start", argv: ["sh"], env: {}, tty: { rows: 24, cols: 80, term: "xterm" } });
  assert.deepEqual(frames.at(-1), { type: "resize", rows: 33, cols: 99 });
  assert.equal(Buffer.concat(keys).toString(), "ls\r\u0003");
  assert.match(screen, /bye\r\n$/);
  assert.equal(status, "3");
});

test("a terminal is put back when the connection breaks", async () => {
  const { screen, status } = await onTerminal(
    "vm exec demo -- sh",
    { socket: (webSocket) => webSocket.once("message", () => webSocket.terminate()) },
    () => {},
  );
  assert.match(screen, /error\[DAEMON_UNREACHABLE\]/);
  assert.equal(status, "125");
});

test("the console shows what the guest writes, sends keys, and Ctrl-] leaves", async () => {
  const keys: Buffer[] = [];
  let press: (keys: string) => void = () => {};
  const { screen, status } = await onTerminal(
    "vm console demo",
    {
      answer: ({ name }, response) =>
        sendJson(
          response,
          200,
          name === "vmInspect" ? { spec: { init: "auto" }, image: { id: "img-1" } } : { system: { init: "systemd" } },
        ),
      socket(webSocket) {
        webSocket.send(Buffer.from("login: "));
        webSocket.on("message", (data: RawData, isBinary: boolean) => {
          if (isBinary) keys.push(data as Buffer);
          if (Buffer.concat(keys).toString() === "root\r\u0003") press("\u001Dnot sent");
        });
      },
    },
    (write, _folder, screen) => {
      press = write;
      // Not before it is shown: until then Ctrl-C is a signal.
      screen.on("data", (chunk: Buffer) => {
        if (chunk.includes("login: ")) press("root\r\u0003");
      });
    },
  );
  assert.match(screen, /Leave with Ctrl-\][^]*login: [^]*Detached\./);
  assert.equal(Buffer.concat(keys).toString(), "root\r\u0003");
  assert.equal(status, "0");
});

test("the console of a guest without a login says where there is a shell", async () => {
  const { screen } = await onTerminal(
    "vm console demo",
    {
      answer: (_request, response) => sendJson(response, 200, { spec: { init: "agent" }, image: { id: "img-1" } }),
      socket: (webSocket) => webSocket.close(),
    },
    () => {},
  );
  assert.match(screen, /nobody to log in with[^]*banger vm exec -t demo -- sh/);
});

for (const code of ["IMAGE_NOT_FOUND", "RECORD_BROKEN"]) {
  test(`an image that cannot be looked at (${code}) keeps nobody from the console`, async () => {
    const { screen, status } = await onTerminal(
      "vm console demo",
      {
        answer: ({ name }, response) =>
          name === "vmInspect"
            ? sendJson(response, 200, { spec: { init: "auto" }, image: { id: "img-1" } })
            : sendJson(response, 404, { error: { code, what: "there is no image img-1", fix: "list them" } }),
        socket(webSocket) {
          webSocket.send(Buffer.from("login: "));
          webSocket.close();
        },
      },
      () => {},
    );
    assert.match(screen, /Press Enter[^]*login: [^]*Detached/);
    assert.equal(status, "0");
  });
}

test("what is typed ends at Ctrl-], wherever it stands", async () => {
  async function* typed(...chunks: string[]): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const sent = async (...chunks: string[]): Promise<string> => {
    let all = "";
    for await (const chunk of untilEscape(typed(...chunks))) all += Buffer.from(chunk).toString();
    return all;
  };
  assert.equal(await sent("ab", "c\u001Dd", "e"), "abc");
  assert.equal(await sent("\u001D", "e"), "");
  assert.equal(await sent("ab", "cd"), "abcd");
});

test("Ctrl-C on a terminal ends a client whose command has not begun", async () => {
  let press: (keys: string) => void = () => {};
  const { status } = await onTerminal(
    "vm exec demo -- sh",
    { socket: (webSocket) => webSocket.once("message", () => setTimeout(() => press("\u0003"), 200)) },
    (write) => {
      press = write;
    },
  );
  assert.equal(status, "130");
});
