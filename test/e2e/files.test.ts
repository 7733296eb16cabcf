import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

const run = promisify(execFile);
const MIB = 1024 ** 2;

suite("files in a running VM", { timeout: 600_000 }, () => {
  let host: TestHost;
  const resources = new AsyncDisposableStack();

  before(async () => {
    host = resources.use(await TestHost.start());
    const busybox = resources.use(await busyboxImage());
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "box", "--image", "busybox", "--memory", "256M"]);
    await mkdir(join(host.folder, "in/sub"), { recursive: true });
    await writeFile(join(host.folder, "in/file"), randomBytes(3 * MIB));
    await writeFile(join(host.folder, "in/sub/run"), "#!/bin/sh\necho ran\n");
    await chmod(join(host.folder, "in/sub/run"), 0o755);
    await link(join(host.folder, "in/file"), join(host.folder, "in/sub/same"));
    await symlink("sub/run", join(host.folder, "in/link"));
    await writeFile(join(host.folder, "in/holes"), "x");
    await truncate(join(host.folder, "in/holes"), 64 * MIB);
  });
  after(() => resources.disposeAsync());

  const sh = (script: string): Promise<string> => host.ok(["vm", "exec", "box", "--", "sh", "-c", script]);
  const same = (a: string, b: string): Promise<unknown> =>
    run("diff", ["-r", "--no-dereference", join(host.folder, a), join(host.folder, b)]);
  const refused = async (args: readonly string[], code: number, says: RegExp): Promise<void> => {
    const result = await host.banger(args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
  };

  test("a folder goes in and comes out as it was", async () => {
    await host.ok(["cp", "-r", "in", "box:/srv-in"]);
    assert.equal(await sh("/srv-in/link"), "ran\n");
    assert.equal(await sh("stat -c '%a %u:%g %h' /srv-in/file /srv-in/sub/run"), "644 0:0 2\n755 0:0 1\n");
    assert.ok(Number(await sh("stat -c %b /srv-in/holes")) < 1000, "the holes are filled");
    await host.ok(["cp", "-r", "box:/srv-in", "out"]);
    await same("in", "out");
    assert.ok((await stat(join(host.folder, "out/holes"))).blocks < 1000, "the holes are filled");
    await writeFile(join(host.folder, "out/sub/run"), "other");
    await assert.rejects(same("in", "out"));
  });

  test("into a folder it goes by its own name, and becomes whose is asked for", async () => {
    await host.ok(["cp", "in/sub/run", "box:/tmp", "--owner", "1234:5678"]);
    assert.equal(await sh("stat -c '%u:%g' /tmp/run"), "1234:5678\n");
    await sh("mkdir /his && chown 1234:1234 /his");
    await host.ok(["cp", "in/sub/run", "box:/his/mine", "--user", "1234:1234"]);
    assert.equal(await sh("stat -c '%u:%g' /his/mine"), "1234:1234\n");
    await refused(["cp", "in/file", "box:/etc/no", "--user", "1234:1234"], 7, /FILE_DENIED/);
    await refused(["cp", "in", "box:/tmp"], 2, /-r/);
    await refused(["cp", "box:/none", "."], 3, /PATH_NOT_FOUND/);
    await refused(["cp", "in/file", "box:/none/file"], 3, /PATH_NOT_FOUND/);
    await refused(["cp", "in", "out2"], 2, /VM:PATH/);
  });

  test("an archive is streamed out, in, and from VM to VM", async () => {
    const packed = await host.banger(["cp", "box:/srv-in", "-"]);
    assert.equal(packed.code, 0, packed.stderr);
    await writeFile(join(host.folder, "a.tar"), packed.stdout);
    await mkdir(join(host.folder, "untarred"));
    await run("tar", ["-x", "-C", join(host.folder, "untarred"), "-f", join(host.folder, "a.tar")]);
    await same("in", "untarred/srv-in");
    await sh("mkdir /streamed");
    await host.ok(["cp", "-", "box:/streamed"], { input: packed.stdout });
    await host.ok(["cp", "-r", "box:/streamed/srv-in", "box:/again"]);
    assert.equal(await sh("diff -r /srv-in /again && diff -r /srv-in /streamed/srv-in && echo same"), "same\n");
  });

  test("a hostile archive stays below its folder", async () => {
    await sh("mkdir /safe && echo precious > /precious");
    await writeFile(join(host.folder, "evil"), "evil");
    const tar = ["-c", "-P", "-C", host.folder, "evil"];
    for (const name of ["../precious", "/precious", "x/../../precious"]) {
      const { stdout } = await run("tar", [...tar, `--transform=s,^evil$,${name},`], { encoding: "buffer" });
      const result = await host.banger(["cp", "-", "box:/safe"], { input: stdout });
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, /leads out/);
    }
    await symlink("..", join(host.folder, "way"));
    const { stdout } = await run(
      "tar",
      ["-c", "-P", "-C", host.folder, "way", "evil", "--transform=s,^evil$,way/precious,"],
      {
        encoding: "buffer",
      },
    );
    const result = await host.banger(["cp", "-", "box:/safe"], { input: stdout });
    assert.equal(result.code, 4, result.stderr);
    assert.equal(await sh("cat /precious; ls /safe"), "precious\nway\n");
  });

  test("a copy that is cut off leaves what was there", async () => {
    await writeFile(join(host.folder, "large"), randomBytes(48 * MIB));
    await sh("echo old > /large");
    const into = await host.banger(["cp", "large", "box:/large", "--progress", "lines"], {
      onOutput: (text, pid) => void (/copying/.test(text) && process.kill(pid, "SIGINT")),
    });
    assert.equal(into.code, 130, into.stderr);
    // The agent takes away what is not whole when it hears of the end.
    assert.equal(
      await sh(
        "for i in $(seq 100); do ls -a / | grep -q banger- || break; sleep 0.1; done; ls -a / | grep large; cat /large",
      ),
      "large\nold\n",
    );
    await host.ok(["cp", "large", "box:/large"]);
    await writeFile(join(host.folder, "back"), "old");
    const out = await host.banger(["cp", "box:/large", "back", "--progress", "lines"], {
      onOutput: (text, pid) => void (/copying/.test(text) && process.kill(pid, "SIGINT")),
    });
    assert.equal(out.code, 130, out.stderr);
    assert.equal(await readFile(join(host.folder, "back"), "utf8"), "old");
    assert.deepEqual(
      (await readdir(host.folder)).filter((name) => name.includes(".banger-")),
      [],
    );
    await host.ok(["cp", "box:/large", "back"]);
    await run("cmp", [join(host.folder, "large"), join(host.folder, "back")]);
  });
});
