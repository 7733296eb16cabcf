import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { busyboxImage } from "../helpers/test-images.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";

const exec = promisify(execFile);

/** A VM without a network, reached from the host by the host's own programs. */
suite("reaching a VM that has no network", { timeout: 600_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--name", "far", "--image", "busybox", "--memory", "256M"]);
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  /** ssh takes the user's file from the password database's home; here it is told. */
  const ssh = (program: string, args: readonly string[]): Promise<{ stdout: string }> =>
    exec(program, ["-F", join(host.folder, ".ssh/config"), ...args], { env: host.env });

  test("ssh and scp know it by its name once that is installed, and the next VM of that name too", async () => {
    await host.ok(["ssh-config", "--install"]);
    const { stdout } = await ssh("ssh", ["far.banger", "id; hostname"]);
    assert.match(stdout, /uid=0\(root\)[^]*^far$/m);
    const file = join(host.folder, "sent");
    await writeFile(file, "by sftp\n");
    await ssh("scp", [file, "far.banger:/tmp/got"]);
    assert.equal(await host.ok(["vm", "exec", "far", "--", "cat", "/tmp/got"]), "by sftp\n");

    // The same name, another machine, with another host key.
    const keyOf = () => readFile(join(host.folder, ".config/banger/ssh/known_hosts.d/far.banger"), "utf8");
    const first = await keyOf();
    await host.ok(["vm", "delete", "--force", "far"]);
    await host.ok(["vm", "create", "--name", "far", "--image", "busybox", "--memory", "256M"]);
    assert.match((await ssh("ssh", ["far.banger", "ls /tmp; echo new"])).stdout, /^new\n$/);
    assert.notEqual(await keyOf(), first);

    await assert.rejects(ssh("ssh", ["none.banger", "id"]), /VM_NOT_FOUND/);
    await host.ok(["ssh-config", "--uninstall"]);
    await assert.rejects(lstat(join(host.folder, ".config/banger/ssh/config")), { code: "ENOENT" });
    assert.doesNotMatch(await readFile(join(host.folder, ".ssh/config"), "utf8"), /banger/);
  });

  test("a folder of it is mounted on this host, and a program that is missing is named", async (context) => {
    if (!(await lstat("/dev/fuse").catch(() => undefined))) return context.skip("this host has no /dev/fuse");
    const folder = join(host.folder, "mounted");
    await mkdir(folder);
    await host.ok(["vm", "exec", "far", "--", "sh", "-c", "mkdir -p /srv/site; echo from the guest >/srv/site/page"]);
    assert.match(await host.ok(["mount", "far:/srv/site", folder]), /far:\/srv\/site is mounted/);
    try {
      assert.equal(await readFile(join(folder, "page"), "utf8"), "from the guest\n");
      await writeFile(join(folder, "answer"), "from the host\n");
      assert.equal(await host.ok(["vm", "exec", "far", "--", "cat", "/srv/site/answer"]), "from the host\n");
    } finally {
      await exec("fusermount3", ["-u", folder]);
    }
    assert.match((await host.banger(["mount", "far:/none", folder])).stderr, /TOOL_FAILED[\s\S]*No such file/);
    assert.match((await host.banger(["mount", "/srv", folder])).stderr, /\/srv is in no VM[\s\S]*VM:PATH/);
    const without = await host.banger(["mount", "far:/srv", folder], { env: { PATH: host.folder } });
    assert.match(without.stderr, /TOOL_MISSING[\s\S]*sshfs/);
  });

  test("it is ready when its port is open and its command succeeds, and not before", async () => {
    // What listens stands on its disk, and is started by hand: a VM that starts alone never gets there.
    const create = ["vm", "create", "--name", "ready", "--image", "busybox", "--memory", "256M"];
    const service = [
      "--service",
      "--",
      "sh",
      "-c",
      "sleep 3; mkdir -p /www; echo serving; exec busybox httpd -f -p 8080 -h /www",
    ];
    const ready = ["port:8080", "cmd:test -d /www", "log:^serv(e|ing)$"];
    await host.ok([...create, ...ready.flatMap((check) => ["--ready", check]), ...service]);
    const states = await host.json<{ state: string; spec: { ready: string[] } }>(["vm", "inspect", "ready"]);
    assert.deepEqual([states.state, states.spec.ready], ["running", ready]);
    assert.equal((await host.banger(["vm", "exec", "ready", "--", "test", "-d", "/www"])).code, 0);
    await host.ok(["vm", "delete", "--force", "ready"]);

    const silent = await host.banger([...create, "--ready", "log:serving"]);
    assert.deepEqual([silent.code, /BAD_REQUEST[^]*--ready/.test(silent.stderr)], [2, true], silent.stderr);

    const never = [...create, "--ready", "port:8081", "--ready", "cmd:echo not at home; exit 9"];
    await writeFile(join(host.folder, ".config/banger/config.toml"), "[vm]\nstart_timeout = 25\n");
    await host.ok(["daemon", "stop"]);
    const { code, stderr } = await host.banger(never);
    assert.equal(code, 7);
    assert.match(stderr, /VM_NOT_READY[^]*port:8081: .*refused[^]*status 9: not at home/);
    assert.deepEqual(
      (await host.json<{ name: string }[]>(["vm", "list"])).map(({ name }) => name),
      ["far"],
    );
  });

  test("a port of its own loopback is one of the host's", async () => {
    await host.ok(["vm", "exec", "far", "--", "sh", "-c", "mkdir /www && echo hello > /www/index.html"]);
    await host.ok(["vm", "exec", "far", "--", "busybox", "httpd", "-p", "127.0.0.1:80", "-h", "/www"]);
    const forwarding = spawn(join(ROOT, "build/bin/banger"), ["port", "far", "80:0"], {
      env: host.env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(createInterface(forwarding.stdout), "line")) as [string];
      const port = /^127\.0\.0\.1:(\d+) leads to far:80$/.exec(line)?.[1];
      const bodies = await Promise.all(
        Array.from({ length: 20 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
      );
      assert.deepEqual(new Set(bodies), new Set(["hello\n"]));
    } finally {
      forwarding.kill("SIGINT");
      await once(forwarding, "exit");
    }
  });
});
