import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { busyboxImage } from "../helpers/test-images.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

suite("a folder in a VM as one of the host is", { timeout: 600_000 }, () => {
  let host: TestHost;
  const resources = new AsyncDisposableStack();

  before(async () => {
    host = resources.use(await TestHost.start());
    const busybox = resources.use(await busyboxImage());
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "box", "--image", "busybox", "--memory", "256M"]);
    await mkdir(at("deep"), { recursive: true });
    await writeFile(at("page"), "one\n");
    await writeFile(at("deep/run"), "#!/bin/sh\necho ran\n");
    await chmod(at("deep/run"), 0o755);
    await symlink("deep/run", at("link"));
    await writeFile(at("näme with blank"), "x");
    for (let n = 0; n < 1_500; n += 1) await writeFile(at(`deep/${n}`), String(n));
  });
  after(() => resources.disposeAsync());

  const at = (path: string): string => join(host.folder, "site", path);
  const sh = (script: string): Promise<string> => host.ok(["vm", "exec", "box", "--", "sh", "-c", script]);
  const sync = (...words: readonly string[]) =>
    host.json<{ sent: number; removed: number }>(["sync", "site", "box:/srv/site", ...words]);

  test("all goes at first, then what changed, then nothing", async () => {
    assert.deepEqual(await sync(), { sent: 1_505, removed: 0 });
    assert.equal(await sh("cd /srv/site; ./link; cat page deep/1499 'näme with blank'"), "ran\none\n1499x");
    assert.equal(await sh("stat -c '%a %u:%g' /srv/site/deep/run"), "755 0:0\n");
    assert.deepEqual(await sync(), { sent: 0, removed: 0 });
    await writeFile(at("page"), "three\n");
    await chmod(at("deep/7"), 0o600);
    await utimes(at("deep/8"), 5, 5);
    assert.deepEqual(await sync(), { sent: 3, removed: 0 });
    assert.equal(await sh("cd /srv/site; cat page; stat -c %a deep/7; stat -c %Y deep/8"), "three\n600\n5\n");
  });

  test("what is there alone goes where that is asked for, and what is left out stays", async () => {
    await sh("cd /srv/site; mkdir -p theirs/in logs; echo x >theirs/in/x; echo y >logs/y; echo z >z.log");
    assert.deepEqual(await sync(), { sent: 0, removed: 0 });
    await writeFile(join(host.folder, "rules"), "*.log\nlogs/\n");
    assert.deepEqual(await sync("--delete", "--exclude-from", "rules"), { sent: 0, removed: 1 });
    assert.equal(await sh("cd /srv/site; ls -d theirs logs z.log 2>/dev/null || :"), "logs\nz.log\n");
    await rm(at("link"));
    await mkdir(at("link"));
    assert.deepEqual(await sync("--delete"), { sent: 1, removed: 3 });
    assert.equal(await sh("cd /srv/site; ls; stat -c %F link"), "deep\nlink\nn??me with blank\npage\ndirectory\n");
  });

  test("while it is watched each change is there at once, also of what is new, renamed or gone", async () => {
    const watching = spawn(
      join(ROOT, "build/bin/banger"),
      ["sync", "site", "box:/srv/site", "--watch", "--delete", "--gitignore"],
      { cwd: host.folder, env: host.env, stdio: ["ignore", "pipe", "pipe"] },
    );
    let told = "";
    watching.stdout.on("data", (bytes: Buffer) => (told += bytes.toString()));
    try {
      watching.stderr.setEncoding("utf8");
      for (let said = ""; !said.includes("Watching");) said += String((await once(watching.stderr, "data"))[0]);
      const until = async (script: string): Promise<void> => {
        for (
          const limit = performance.now() + 60_000;
          (await host.banger(["vm", "exec", "box", "--", "sh", "-c", script])).code !== 0;
        ) {
          assert.ok(performance.now() < limit, `${script}: ${told}`);
          await pause(100);
        }
      };
      await writeFile(at("page"), "watched\n");
      await until('[ "$(cat /srv/site/page)" = watched ]');
      await mkdir(at("fresh/er"), { recursive: true });
      await writeFile(at("fresh/er/file"), "new\n");
      await until("[ -s /srv/site/fresh/er/file ]");
      await rename(at("page"), at("leaf"));
      await until("[ -e /srv/site/leaf ] && [ ! -e /srv/site/page ]");
      await rm(at("fresh"), { recursive: true });
      await until("[ ! -e /srv/site/fresh ]");
      await sh(
        "mkdir -p /srv/site/left/out /srv/site/both/left; echo kept >/srv/site/left/out/x; echo kept >/srv/site/both/left/x",
      );
      await writeFile(at(".gitignore"), "*.tmp\nleft/\n");
      await until("[ -e /srv/site/.gitignore ]");
      await writeFile(at("a.tmp"), "no\n");
      await writeFile(at("last"), "yes\n");
      await until("[ -e /srv/site/last ] && [ ! -e /srv/site/a.tmp ]");
      // What is left out stays in the guest, also when its like comes and goes here, with the folder it lies in.
      await mkdir(at("left"));
      await mkdir(at("both/left"), { recursive: true });
      await writeFile(at("both/file"), "x");
      await until("[ -e /srv/site/both/file ]");
      await rm(at("left"), { recursive: true });
      await rm(at("both"), { recursive: true });
      await until("[ ! -e /srv/site/both/file ]");
      assert.equal(await sh("cat /srv/site/left/out/x /srv/site/both/left/x"), "kept\nkept\n");
      // A file in place of a folder, all at once.
      await mkdir(at("turns"));
      await writeFile(at("turns/x"), "x");
      await until("[ -e /srv/site/turns/x ]");
      await rm(at("turns"), { recursive: true });
      await writeFile(at("turns"), "a file");
      await until("[ -f /srv/site/turns ]");
    } finally {
      watching.kill("SIGINT");
    }
    const [code] = (await once(watching, "exit")) as [number];
    assert.equal(code, 130);
  });

  test("a link to a folder is that folder, and not an empty one", async () => {
    await symlink("site", join(host.folder, "alias"));
    const { removed } = await host.json<{ removed: number }>([
      "sync",
      "alias",
      "box:/srv/site",
      "--delete",
      "--gitignore",
    ]);
    assert.equal(removed, 0);
    assert.equal(await sh("cat /srv/site/last"), "yes\n");
  });

  test("what cannot be is told", async () => {
    assert.match((await host.banger(["sync", "none", "box:/x"])).stderr, /FILE_UNREADABLE[\s\S]*none/);
    assert.match((await host.banger(["sync", "rules", "box:/x"])).stderr, /rules is no folder/);
    assert.match((await host.banger(["sync", "site", "/x"])).stderr, /\/x is in no VM[\s\S]*VM:PATH/);
    assert.match((await host.banger(["sync", "site", "none:/x"])).stderr, /VM_NOT_FOUND/);
  });
});
