import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { sendJson } from "../client/testing/fake-daemon.ts";
import { exit, onFrames } from "./testing/exec-frames.ts";
import { cliHome, MAIN, resultOf } from "./testing/cli-process.ts";

const vm = {
  id: "vm-0123456789abcdef",
  name: "demo",
  state: "running",
  createdAt: new Date().toISOString(),
  image: { name: "debian" },
  spec: { vcpus: 2, memoryBytes: 1024 ** 3 },
  network: { mode: "user" },
  timings: { stages: {}, readyMs: 2_500 },
};

test("list prints a table, or JSON", async () => {
  await using home = await cliHome({ answer: (_request, response) => sendJson(response, 200, [vm]) });
  const { status, stdout } = await home.run("vm", "ls");
  assert.equal(status, 0);
  assert.match(stdout.toString(), /^NAME {2}STATE.*\ndemo {2}running {2}debian {2}2 {6}1 GiB/);
  const json = await home.run("vm", "list", "--json");
  assert.deepEqual(JSON.parse(json.stdout.toString()), [vm]);
  assert.equal(json.stderr, "");
});

test("an error of the daemon becomes an exit status and three lines", async () => {
  await using home = await cliHome({
    answer: (_request, response) =>
      sendJson(response, 404, { error: { code: "VM_NOT_FOUND", what: "there is no VM x", why: "w", fix: "f" } }),
  });
  const { status, stdout, stderr } = await home.run("vm", "inspect", "x");
  assert.equal(status, 3);
  assert.equal(stdout.length, 0);
  assert.equal(stderr, "error[VM_NOT_FOUND]: there is no VM x\n  why: w\n  fix: f\n");
});

test("create sends what was asked for, shows progress on stderr, and prints the result", async () => {
  const bodies: unknown[] = [];
  await using home = await cliHome({
    answer({ body }, response) {
      bodies.push(JSON.parse(body));
      response.write('{"progress":{"id":"boot","label":"booting","status":"running"}}\n');
      response.end(`${JSON.stringify({ result: vm })}\n`);
    },
  });
  const words = [
    "vm",
    "create",
    "--image",
    "debian",
    "--memory",
    "512M",
    "--disk-size=10G",
    "-e",
    "A=b=c",
    "--no-start",
  ];
  const plain = await home.run(...words);
  assert.deepEqual(bodies, [
    {
      image: "debian",
      start: false,
      memoryBytes: 512 * 1024 ** 2,
      diskSizeBytes: 10 * 1024 ** 3,
      nat: false,
      env: { A: "b=c" },
    },
  ]);
  assert.equal(plain.stdout.toString(), "VM demo is created.\n");
  assert.match(plain.stderr, /^booting …\n/);
  const json = await home.run(...words, "--json");
  assert.deepEqual(JSON.parse(json.stdout.toString()), vm);
  assert.equal(json.stderr, "");
  const events = await home.run(...words, "--json", "--progress", "json");
  assert.equal((JSON.parse(events.stderr) as { progress: { id: string } }).progress.id, "boot");
});

test("input that the contract refuses is refused before a daemon is asked, in the words of the command line", async () => {
  await using home = await cliHome();
  const cases: readonly (readonly [words: readonly string[], says: RegExp])[] = [
    [["vm", "create", "--memory", "0"], /^error\[BAD_REQUEST\]: --memory cannot be 0: a VM needs at least 64M/],
    [["vm", "create", "--name", "a/b"], /^error\[NAME_INVALID\]: --name cannot be "a\/b": must be 1 to 63/],
    [["vm", "create", "--name", ".."], /^error\[NAME_INVALID\]: --name cannot be "\.\."/],
    [["vm", "create", "--init", "upstart"], /^error\[BAD_REQUEST\]: --init cannot be "upstart"/],
    [["kernel", "pull", "a/b"], /^error\[BAD_REQUEST\]: the source cannot be "a\/b"/],
    [["image", "pull", "x", "--name", "UP"], /^error\[NAME_INVALID\]: --name cannot be "UP"/],
    [["vm", "inspect", ".."], /^error\[BAD_REQUEST\]: "\.\." is neither a name nor an id/],
  ];
  for (const [words, says] of cases) {
    const { status, stderr } = await home.run(...words);
    assert.equal(status, 2, stderr);
    assert.match(stderr, says);
  }
});

test("Ctrl-C cancels an operation, waits for the daemon to put things back, and ends with 130", async () => {
  await using home = await cliHome({
    async answer({ message }, response) {
      response.write('{"progress":{"id":"a","label":"pulling","status":"running"}}\n');
      await once(message.socket, "end");
      response.end('{"error":{"code":"CANCELLED","what":"all is as before","fix":"again"}}\n');
    },
  });
  const child = home.start("image", "pull", "debian");
  child.stderr.once("data", () => child.kill("SIGINT"));
  const { status, stderr } = await resultOf(child);
  assert.equal(status, 130);
  assert.match(stderr, /cancelling, .*\nerror\[CANCELLED\]: all is as before\n/);
});

test("a second Ctrl-C leaves at once", async () => {
  await using home = await cliHome({
    answer: (_request, response) => void response.write('{"progress":{"id":"a","label":"x","status":"running"}}\n'),
  });
  const child = home.start("image", "pull", "debian");
  child.stderr.once("data", () => {
    child.kill("SIGINT");
    child.stderr.once("data", () => child.kill("SIGINT"));
  });
  assert.equal((await resultOf(child)).status, 130);
});

test("a reader that had enough is no error", async () => {
  await using home = await cliHome({
    answer({ name }, response) {
      if (name === "vmInspect") return sendJson(response, 200, vm);
      const more = (): void => {
        while (!response.destroyed && response.write("line\n".repeat(10_000))) continue;
        response.once("drain", more);
      };
      more();
    },
  });
  const child = home.start("vm", "logs", "-f", "demo");
  child.stdout.once("data", () => child.stdout.destroy());
  const stderr = text(child.stderr);
  const [status] = (await once(child, "exit")) as [number | null];
  assert.equal(await stderr, "");
  assert.equal(status, 0);
});

test("output that cannot be written is a failure", async () => {
  await using home = await cliHome({ answer: (_request, response) => sendJson(response, 200, [vm]) });
  await using full = await open("/dev/full", "w");
  for (const words of [["vm", "list", "--json"], ["vm", "list"], ["openapi"], ["version"], ["--help"]]) {
    const child = spawn(process.execPath, [MAIN, ...words], { env: home.env, stdio: ["ignore", full.fd, "pipe"] });
    assert.ok(child.stderr !== null);
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, "close") as Promise<[number]>]);
    assert.equal(status, 1, words.join(" "));
    assert.match(stderr, /OUTPUT_FAILED.*\n?.*ENOSPC/);
  }
});

test("several names are taken one after another, and one that fails keeps no other from it", async () => {
  const asked: string[] = [];
  await using home = await cliHome({
    answer({ name, fields }, response) {
      asked.push(`${name} ${fields["ref"]}`);
      if (fields["ref"] === "b") sendJson(response, 404, { error: { code: "VM_NOT_FOUND", what: "no b", fix: "f" } });
      else response.end('{"result":{}}\n');
    },
  });
  const { status, stdout, stderr } = await home.run("vm", "delete", "a", "b", "c", "a");
  assert.deepEqual(asked.splice(0), ["vmDelete a", "vmDelete b", "vmDelete c"]);
  assert.equal(stdout.toString(), "VM a is deleted.\nVM c is deleted.\n");
  assert.equal(stderr, "error[VM_NOT_FOUND]: no b\n  fix: f\n");
  assert.equal(status, 3);
  const json = await home.run("vm", "delete", "a", "c", "--json");
  assert.deepEqual(JSON.parse(json.stdout.toString()), [{}, {}]);
  const none = await home.run("vm", "delete");
  assert.equal(none.status, 2);
  assert.match(none.stderr, /VM is missing[^]*banger vm delete VM\.\.\./);
});

test("banger's own failures are not mixed up with a guest's status", async () => {
  await using home = await cliHome({
    answer: (_request, response) =>
      sendJson(response, 503, { error: { code: "TOOL_MISSING", what: "no qemu", fix: "install it" } }),
    socket: (webSocket) =>
      onFrames(webSocket, ({ type }) => {
        if (type === "start") exit(webSocket, 5);
      }),
  });
  assert.equal((await home.run("vm", "exec", "demo", "--", "x")).status, 5, "the guest's own");
  assert.equal((await home.run("run", "debian")).status, 125);
  assert.equal((await home.run("vm", "ssh", "demo")).status, 255);
  assert.equal((await home.run("vm", "list")).status, 5, "no guest could have said this");
  assert.equal((await home.run("vm", "exec", "demo")).status, 125);
});

test("a word that vm create cannot place names the options that were meant", async () => {
  await using home = await cliHome();
  const { status, stderr } = await home.run("vm", "create", "box");
  assert.equal(status, 2);
  assert.match(stderr, /"box" is no option\n {2}fix: name the VM with --name box; .* add --service /);
  assert.match((await home.run("-v")).stderr, /has no option -v\n {2}fix: did you mean --version\?/);
});

test("logs -f of a VM that does not run says what it waits for", async () => {
  const asked: unknown[] = [];
  await using home = await cliHome({
    answer({ name, fields }, response) {
      if (name === "vmInspect") return sendJson(response, 200, { ...vm, state: "stopped" });
      asked.push(fields);
      response.end("the end\n");
    },
  });
  const { stdout, stderr } = await home.run("vm", "logs", "-f", "-n", "5", "demo");
  assert.equal(stdout.toString(), "the end\n");
  assert.match(stderr, /^VM demo is stopped\. Its console goes on when it is started/);
  assert.deepEqual(asked, [{ ref: "demo", follow: "true", service: "false", lines: "5" }]);
});

test("run pulls what is not here, runs, deletes the VM, and ends as the command did", async () => {
  const asked: string[] = [];
  await using home = await cliHome({
    answer({ name, body, fields }, response) {
      asked.push(`${name} ${body}${JSON.stringify(fields)}`);
      if (name === "imageList") return sendJson(response, 200, []);
      if (name === "imagePull") return void response.end('{"result":{"id":"img-1","name":"debian"}}\n');
      response.end(`${JSON.stringify({ result: vm })}\n`);
    },
    socket(webSocket, { fields }) {
      onFrames(webSocket, (frame) => {
        asked.push(`exec ${fields["ref"]} ${JSON.stringify(frame)}`);
        exit(webSocket, 7);
      });
    },
  });
  const { status, stderr } = await home.run("run", "debian:bookworm", "--", "sh", "-c", "exit 7");
  assert.equal(status, 7, stderr);
  assert.deepEqual(asked, [
    "imageList {}",
    'imagePull {"reference":"debian:bookworm","insecure":false}{}',
    'vmCreate {"nat":false,"env":{},"ephemeral":true,"image":"img-1"}{}',
    'exec vm-0123456789abcdef {"type":"start","command":["sh","-c","exit 7"],"owner":true}',
    'vmDelete {"ref":"vm-0123456789abcdef","force":"true"}',
  ]);
});

test("run deletes its VM when the command cannot be run, and keeps it when told", async () => {
  const asked: string[] = [];
  await using home = await cliHome({
    answer({ name }, response) {
      asked.push(name);
      if (name === "imageList") return sendJson(response, 200, [{ id: "img-1", name: "debian", reference: "d" }]);
      response.end(`${JSON.stringify({ result: vm })}\n`);
    },
    socket(webSocket) {
      onFrames(webSocket, ({ type }) => {
        if (type !== "start") return;
        webSocket.send(
          JSON.stringify({ type: "error", error: { code: "EXEC_FAILED", what: "no such file", fix: "f" } }),
        );
        webSocket.close();
      });
    },
  });
  assert.equal((await home.run("run", "debian", "--", "nothing")).status, 125);
  assert.deepEqual(asked.splice(0), ["imageList", "vmCreate", "vmDelete"]);
  const kept = await home.run("run", "--keep", "debian", "--", "nothing");
  assert.deepEqual(asked, ["imageList", "vmCreate"]);
  assert.match(kept.stderr, /VM demo is kept\./);
});

test("Ctrl-C does not stop run from deleting its VM", async () => {
  const asked: string[] = [];
  const home = await cliHome({
    async answer({ name, message }, response) {
      asked.push(name);
      if (name === "imageList") return sendJson(response, 200, [{ id: "img-1", name: "debian", reference: "d" }]);
      if (name === "vmCreate") return void response.end(`${JSON.stringify({ result: vm })}\n`);
      child.kill("SIGINT");
      // The note says that the signal was heard; the connection must not end by it.
      const ended = once(message.socket, "end");
      const heard = once(child.stderr, "data");
      assert.equal(await Promise.race([ended.then(() => "cancelled"), heard.then(() => "heard")]), "heard");
      response.end('{"result":{}}\n');
    },
    socket(webSocket) {
      onFrames(webSocket, () => exit(webSocket, 0));
    },
  });
  await using _ = home;
  const child = home.start("run", "debian", "--", "true");
  const { status } = await resultOf(child);
  assert.equal(status, 0);
  assert.deepEqual(asked, ["imageList", "vmCreate", "vmDelete"]);
});
