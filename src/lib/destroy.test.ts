import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { hasErrno } from "./errors.ts";
import {
  INSTANCE_FILE,
  mountsWithin,
  openEmptied,
  removeFile,
  removeSocket,
  removeTree,
  replaceFile,
  setFileSize,
  signalProcess,
  writeSetting,
} from "./destroy.ts";
import { identifyProcess } from "./process-identity.ts";

const PROOF = "made by this very test";

suite("what is destroyed is only what was meant", () => {
  const home = mkdtempSync(join(tmpdir(), "banger-destroy-"));
  after(() => rmSync(home, { recursive: true }));
  const refused = { code: "INTERNAL" };

  test("a tree goes with all that is in it, and links are not followed", async () => {
    mkdirSync(join(home, "work/vm/deep"), { recursive: true });
    mkdirSync(join(home, "users"));
    writeFileSync(join(home, "users/file"), "dear");
    symlinkSync(join(home, "users"), join(home, "work/vm/deep/link"));
    symlinkSync(join(home, "users"), join(home, "work/link"));
    await removeTree(join(home, "work"), "vm", PROOF);
    await removeTree(join(home, "work"), "link", PROOF);
    assert.ok(!existsSync(join(home, "work/vm")));
    assert.ok(existsSync(join(home, "work")) && existsSync(join(home, "users/file")));
    await removeTree(join(home, "work"), "vm", PROOF);
    await removeTree(join(home, "absent"), "vm", PROOF);
  });

  test("no name leads out of its folder", async () => {
    mkdirSync(join(home, "in/ner"), { recursive: true });
    for (const name of ["", ".", "..", "../in", "ner/..", "ner/deep", "/etc", "ner\0"]) {
      await assert.rejects(removeTree(join(home, "in"), name, PROOF), refused, JSON.stringify(name));
    }
    for (const parent of ["/", "in", `${home}/in/../in`]) {
      await assert.rejects(removeTree(parent, "ner", PROOF), refused, parent);
    }
    assert.ok(existsSync(join(home, "in/ner")));
  });

  test("a folder of an instance stays, and its parts but for what bears an id", async () => {
    mkdirSync(join(home, "data/images"), { recursive: true });
    mkdirSync(join(home, "data/vm-0123456789abcdef"));
    writeFileSync(join(home, "data", INSTANCE_FILE), "ins-0\n");
    await assert.rejects(removeTree(home, "data", PROOF), refused);
    await assert.rejects(removeTree(join(home, "data"), "images", PROOF), refused);
    await assert.rejects(removeTree(join(home, "data"), INSTANCE_FILE, PROOF), refused);
    await removeTree(join(home, "data"), "vm-0123456789abcdef", PROOF);
    assert.ok(existsSync(join(home, "data/images")) && !existsSync(join(home, "data/vm-0123456789abcdef")));
  });

  test("a tree in which something is mounted is told by the kernel's list", () => {
    const mounts = [
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw",
      "23 22 0:4 / /proc rw - proc proc rw",
      String.raw`40 22 8:1 /home /data/vm\0401/my\040home rw - ext4 /dev/sda1 rw`,
      "41 22 8:1 /home /data/vm-10 rw - ext4 /dev/sda1 rw",
    ].join("\n");
    assert.deepEqual(mountsWithin(mounts, "/data/vm 1"), ["/data/vm 1/my home"]);
    assert.deepEqual(mountsWithin(mounts, "/data/vm-10"), ["/data/vm-10"]);
    assert.deepEqual(mountsWithin(mounts, "/data/vm-1"), []);
  });

  test("a tree with a mount in it stays for real", (t) => {
    const parent = join(home, "mounts");
    mkdirSync(join(parent, "vm/users"), { recursive: true });
    const program = `import { removeTree } from ${JSON.stringify(join(import.meta.dirname, "destroy.ts"))};
      await removeTree(${JSON.stringify(parent)}, "vm", "made by this very test");`;
    const script = `mount -t tmpfs none "$1/vm/users" || exit 77; echo dear > "$1/vm/users/file"
      "$2" --input-type=module-typescript -e "$3" || cat "$1/vm/users/file"`;
    const words = ["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", parent, process.execPath, program];
    const { status, stdout, stderr } = spawnSync("unshare", words, { encoding: "utf8" });
    if (status === 77 || /unshare/.test(stderr)) return t.skip(`nothing can be mounted here: ${stderr}`);
    assert.equal(stdout, "dear\n", stderr);
    assert.match(stderr, /something is mounted at \S+\/vm\/users/);
  });

  test("a file goes, a link goes alone, a folder does not", async () => {
    writeFileSync(join(home, "file"), "");
    symlinkSync(join(home, "file"), join(home, "link"));
    await removeFile(join(home, "link"), PROOF);
    assert.ok(existsSync(join(home, "file")));
    await removeFile(join(home, "file"), PROOF);
    await removeFile(join(home, "file"), PROOF);
    mkdirSync(join(home, "folder"));
    await assert.rejects(removeFile(join(home, "folder"), PROOF));
    writeFileSync(join(home, "no-folder"), "");
    await removeFile(join(home, "no-folder/file"), PROOF);
    mkdirSync(join(home, "full/of"), { recursive: true });
    await assert.rejects(replaceFile(join(home, "folder"), join(home, "full"), PROOF), (error) =>
      hasErrno(error, "ENOTEMPTY"),
    );
  });

  test("by the name of a socket nothing goes but a socket or a FIFO", async () => {
    const [socket, fifo, file] = [join(home, "sock"), join(home, "fifo"), join(home, "thesis")];
    const program = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", program, socket]);
    spawnSync("mkfifo", [fifo]);
    writeFileSync(file, "dear");
    assert.ok(existsSync(socket) && existsSync(fifo));
    for (const path of [socket, fifo, file, home, join(home, "absent")]) await removeSocket(path, PROOF);
    assert.ok(!existsSync(socket) && !existsSync(fifo));
    assert.equal(readFileSync(file, "utf8"), "dear");
  });

  test("what a link leads to is not emptied", async () => {
    writeFileSync(join(home, "dear"), "dear");
    symlinkSync(join(home, "dear"), join(home, "log"));
    await assert.rejects(openEmptied(join(home, "log"), 0o600, PROOF), (error) => hasErrno(error, "ELOOP"));
    assert.equal(readFileSync(join(home, "dear"), "utf8"), "dear");
    await (await openEmptied(join(home, "dear"), 0o600, PROOF)).close();
    assert.equal(readFileSync(join(home, "dear"), "utf8"), "");
    await setFileSize(join(home, "dear"), 3, PROOF);
    assert.equal(readFileSync(join(home, "dear"), "latin1"), "\0\0\0");
  });

  test("settings are the kernel's alone", async () => {
    for (const path of [join(home, "dear"), "/proc/sys/../sysrq-trigger", "/proc/sysrq-trigger"]) {
      await assert.rejects(writeSetting(path, "0", PROOF), refused, path);
    }
  });

  test("a signal reaches a process that is known by its start, and no group", async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    const ended = once(child, "exit");
    const identity = await identifyProcess(child.pid ?? 0);
    assert.ok(identity);
    assert.equal(await signalProcess({ ...identity, startTicks: identity.startTicks - 1 }, "SIGKILL", PROOF), false);
    for (const pid of [0, -1, -identity.pid, Number.NaN, 1.5]) {
      assert.equal(await signalProcess({ ...identity, pid }, "SIGKILL", PROOF), false, String(pid));
    }
    assert.equal(await signalProcess(identity, "SIGTERM", PROOF), true);
    assert.deepEqual(await ended, [null, "SIGTERM"]);
    assert.equal(await signalProcess(identity, "SIGTERM", PROOF), false);
  });
});
