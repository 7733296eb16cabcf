import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Image } from "../../src/model/image.ts";
import type { Vm } from "../../src/model/vm.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { TestLayout } from "../helpers/test-layout.ts";

/** Says how it was started, and when it is asked to end; only by its own signal does it go in peace. */
const SCRIPT = `#!/bin/sh
trap 'echo ended by its signal; exit 3' USR1
trap 'echo ended by another; exit 4' TERM INT
echo "args $*; $(id -u):$(id -g) in $(pwd), MODE=$MODE"
: > /state/ready
while :; do sleep 0.1; done
`;

const CONFIG = {
  Env: ["PATH=/bin", "MODE=from-image"],
  User: "1000:1000",
  WorkingDir: "/state",
  Entrypoint: ["/bin/serve", "--entry"],
  Cmd: ["one", "two words"],
  ExposedPorts: { "7777/tcp": {}, "53/udp": {} },
  Volumes: { "/state": {}, "/var/lib/db": {} },
  Labels: { "org.example.team": "red", "odd\u001b[31m": "label" },
  StopSignal: "SIGUSR1",
};

async function image(): Promise<TestLayout> {
  const tar = new TarBuilder()
    .dir("bin")
    .file("bin/busybox", await readFile("/bin/busybox"), { mode: 0o755 })
    .file("bin/serve", SCRIPT, { mode: 0o755 })
    .dir("state", { uid: 1000, gid: 1000, mode: 0o700 })
    .file("state/kept", "kept", { uid: 1000 })
    .file("evil", "\u001b]0;title\u0007 caf\u00e9 \u009b31m\n");
  for (const applet of ["sh", "id", "pwd", "sleep", "ls", "nc", "echo", "cat", "test"]) {
    tar.symlink(`bin/${applet}`, "busybox");
  }
  return TestLayout.make([{ tar: tar.end(), compression: "gzip" }], { config: { config: CONFIG } });
}

/** All that a server says; nothing where nobody listens yet. */
async function whatIsSaidAt(port: number): Promise<string> {
  const said: Buffer[] = [];
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}).on("data", (data) => said.push(data));
  await once(socket, "close");
  return Buffer.concat(said).toString("utf8");
}

/** What an image's OCI config says is honoured by `run` and by `vm create`, and shown. */
suite("an image's config", { timeout: 600_000 }, () => {
  let host: TestHost;

  before(async () => {
    host = await TestHost.start();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await using layout = await image();
    await host.ok(["image", "pull", layout.reference, "--name", "app"]);
  });

  after(() => host[Symbol.asyncDispose]());

  test("all of it is shown, to people and to programs, and nothing of it acts on a terminal", async () => {
    const { config } = await host.json<Image>(["image", "inspect", "app"]);
    assert.deepEqual(config.entrypoint, CONFIG.Entrypoint);
    assert.deepEqual(config.volumes, Object.keys(CONFIG.Volumes));
    assert.deepEqual(config.labels, CONFIG.Labels);
    assert.equal(config.stopSignal, "SIGUSR1");
    const text = await host.ok(["image", "inspect", "app"]);
    for (const part of ["one 'two words'", "1000:1000", "MODE=from-image", "7777/tcp", "/var/lib/db", "SIGUSR1"]) {
      assert.ok(text.includes(part), `${part} is not in\n${text}`);
    }
    assert.ok(text.includes(String.raw`odd\x1b[31m=label`) && !text.includes("\u001b"));
    assert.match(text, /sha256:[0-9a-f]{64} +\S+ [KM]iB +application\/vnd\.oci\.image\.layer/);
  });

  test("files can be looked at without booting: by owner, by link, in and out of folders, never out of the image", async () => {
    const long = await host.ok(["image", "ls-files", "app", "-l", "/state/.."]);
    assert.match(long, /^drwx------ +2 +1000 +1000 .* \/state\/\.\.\/state$/m);
    const deep = await host.ok(["image", "ls-files", "app", "-R", "-l"]);
    assert.match(deep, /^drwxr-xr-x +2 +0 +0 .* \/var\/lib\/db$/m);
    assert.match(deep, /^lrwxrwxrwx .* \/bin\/sh -> busybox$/m);
    const one = await host.json<{ path: string; sizeBytes: number }[]>(["image", "ls-files", "app", "/state/kept"]);
    assert.deepEqual(
      one.map(({ path, sizeBytes }) => [path, sizeBytes]),
      [["/state/kept", 4]],
    );
    assert.equal(await host.ok(["image", "cat", "app", "/bin/serve"]), SCRIPT);
    const busybox = await host.banger(["image", "cat", "app", "/bin/sh"]);
    assert.ok(busybox.stdout.equals(await readFile("/bin/busybox")));
    // On a terminal nothing acts; through a pipe the bytes come as they are.
    assert.ok((await host.ok(["image", "cat", "app", "/evil"])).startsWith("\u001b]0;title\u0007"));
    const path = `${join(ROOT, "build", "bin")}:${host.env["PATH"] ?? ""}`;
    const shown = await host.run("script", ["-qec", "banger image cat app /evil", "/dev/null"], {
      env: { PATH: path },
    });
    assert.equal(shown.stdout.toString("utf8").trim(), String.raw`\x1b]0;title\x07 café \x9b31m`);
    for (const [args, says] of [
      [["ls-files", "app", "/no/such"], /PATH_NOT_FOUND/],
      [["cat", "app", "/state"], /PATH_NOT_FOUND[\s\S]*it is a directory/],
      [["cat", "app", "/../../etc/shadow"], /PATH_NOT_FOUND/],
      [["cat", "nobody", "/x"], /IMAGE_NOT_FOUND/],
    ] as const) {
      const result = await host.banger(["image", ...args]);
      assert.equal(result.code, 3, result.stderr);
      assert.match(result.stderr, says);
    }
  });

  test("run: environment, user, folder, entrypoint and command; volumes; a stop by the image's own signal", async () => {
    const running = host.banger(["run", "--keep", "--name", "main", "--memory", "256M", "--progress", "none", "app"]);
    const isReady = "until test -e /state/ready; do sleep 0.1; done";
    // The VM is there before its command is: ask until both are.
    let ready = await host.banger(["vm", "exec", "main", "-u", "root", "--", "sh", "-c", isReady]);
    while (ready.code === 125 && /VM_NOT_FOUND|VM_WRONG_STATE/.test(ready.stderr)) {
      ready = await host.banger(["vm", "exec", "main", "-u", "root", "--", "sh", "-c", isReady]);
    }
    assert.equal(ready.code, 0, ready.stderr);
    const volumes = await host.ok(["vm", "exec", "main", "-u", "root", "--", "ls", "-ldn", "/state", "/var/lib/db"]);
    assert.match(volumes, /^drwx------ +2 1000 +1000 .*\/state$/m);
    assert.match(volumes, /^drwxr-xr-x +2 0 +0 .*\/var\/lib\/db$/m);
    const vm = await host.json<Vm>(["vm", "inspect", "main"]);
    assert.deepEqual(vm.image.labels, CONFIG.Labels);
    assert.deepEqual(vm.image.exposedPorts, ["7777/tcp", "53/udp"]);
    assert.deepEqual(vm.image.volumes, ["/state", "/var/lib/db"]);

    await host.ok(["vm", "stop", "main"]);
    const { code, stdout } = await running;
    assert.equal(
      stdout.toString("utf8"),
      "args --entry one two words; 1000:1000 in /state, MODE=from-image\nended by its signal\n",
    );
    assert.equal(code, 3);
    await host.ok(["vm", "delete", "main"]);
  });

  test("vm create --publish-all: what the image exposes is reached on a free port of this host", async () => {
    const say = ["sh", "-c", "while :; do echo hello | nc -l -p 7777; done"];
    const entry = ["--image", "app", "--name", "web", "--memory", "256M"];
    const refused = await host.banger(["vm", "create", ...entry, "-P"]);
    assert.match(refused.stderr, /VM_SPEC_INVALID[\s\S]*--nat/);
    const created = await host.banger(["vm", "create", ...entry, "--nat", "-P"]);
    assert.equal(created.code, 0, created.stderr);
    const { spec } = await host.json<Vm>(["vm", "inspect", "web"]);
    const [port, ...others] = spec.publish;
    assert.equal(others.length, 0, "UDP is not published");
    assert.equal(port?.guestPort, 7777);
    assert.match(created.stderr, new RegExp(`port 7777 is at 127\\.0\\.0\\.1:${port?.hostPort}`));
    const serving = host.banger(["vm", "exec", "web", "-u", "root", "--", ...say]);
    let heard = "";
    for (let tries = 0; heard === "" && tries < 1000; tries += 1) heard = await whatIsSaidAt(port?.hostPort ?? 0);
    assert.equal(heard, "hello\n");
    await host.ok(["vm", "delete", "--force", "web"]);
    await serving;
  });
});
