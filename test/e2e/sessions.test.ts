import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { TerminalUser } from "../helpers/terminal-user.ts";
import { busyboxImage, debianImage } from "../helpers/test-images.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";
import type { GuestSession } from "../../src/model/session.ts";

const BANGER = join(ROOT, "build/bin/banger");
/** A program that draws its screen once, and again for each key. */
const PAINTER = `stty -echo -icanon; n=0; printf '\\033[?1049h\\033[2J\\033[5;10HPAINTED'
while :; do printf '\\033[8;1Hkeys: %s' $n; k=$(dd bs=1 count=1 2>/dev/null); n=$((n+1)); done`;

suite("sessions in a VM", { timeout: 900_000 }, () => {
  let host: TestHost;
  const resources = new AsyncDisposableStack();

  before(async () => {
    host = resources.use(await TestHost.start());
    const busybox = resources.use(await busyboxImage());
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "box", "--image", "busybox", "--memory", "256M"]);
  });
  after(() => resources.disposeAsync());

  const create = (name: string, script: string, ...options: string[]): Promise<string> =>
    host.ok(["session", "create", "box", "--name", name, ...options, "--", "sh", "-c", script]);
  const inspect = (name: string): Promise<GuestSession> => host.json(["session", "inspect", "box", name]);
  const logs = (name: string): Promise<string> => host.ok(["session", "logs", "box", name]);
  const send = (name: string, ...words: string[]): Promise<string> =>
    host.ok(["session", "send", "box", name, ...words]);
  const attach = (name: string, ...options: string[]): TerminalUser =>
    new TerminalUser([BANGER, "session", "attach", "box", name, ...options].join(" "), host.env);
  const refused = async (args: readonly string[], code: number, says: RegExp): Promise<void> => {
    const result = await host.banger(["session", ...args]);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
  };

  test("a command goes on by itself, takes what is sent, and says how it ended", async () => {
    assert.equal(
      await create("work", "echo up; while read l; do echo got $l; [ $l = end ] && exit 7; done", "-i"),
      "work\n",
    );
    await send("work", "one", "--key", "Enter");
    await writeFile(join(host.folder, "lines"), "two\nthree\n");
    await send("work", "--file", "lines");
    const following = host.ok(["session", "logs", "box", "work", "--follow"]);
    assert.match(await host.ok(["session", "list", "box"]), /work +running +no .* sh -c/);
    await refused(["create", "box", "--name", "work", "--", "true"], 4, /NAME_TAKEN/);
    await refused(["delete", "box", "work"], 4, /SESSION_WRONG_STATE/);
    await send("work", "end", "--key", "Enter");
    assert.equal(await following, "up\ngot one\ngot two\ngot three\ngot end\n");
    assert.equal((await host.banger(["session", "wait", "box", "work"])).code, 7);
    const { state, exitCode } = await inspect("work");
    assert.deepEqual([state, exitCode], ["failed", 7]);
    await refused(["send", "box", "work", "more"], 4, /SESSION_WRONG_STATE/);
    await host.ok(["session", "delete", "box", "work"]);
    await refused(["inspect", "box", "work"], 3, /SESSION_NOT_FOUND/);
    await refused(["create", "box", "--", "/no/such"], 127, /EXEC_FAILED/);
    await refused(["create", "nobox", "--", "true"], 3, /VM_NOT_FOUND/);
  });

  test("it is of the user, folder and variables that were asked for, and gets signals", async () => {
    const script = "id -u; pwd; echo $WHAT; trap 'echo hup; exit 0' HUP; while :; do sleep 0.1; done";
    await create("who", script, "--user", "user", "--cwd", "/tmp", "-e", "WHAT=this");
    await host.ok(["session", "signal", "box", "who", "HUP"]);
    assert.equal((await host.banger(["session", "wait", "box", "who"])).code, 0);
    // The shell may tell of its sleep, which gets the signal too; between stdout and stderr there is no order.
    assert.match(await logs("who"), /^1000\n\/tmp\nthis\n(?:(?:Hangup\n)?hup\n|hup\nHangup\n)$/);
    await create("stuck", "sleep 1000");
    assert.match(await host.ok(["session", "kill", "box", "stuck"]), /killed/);
    assert.equal((await host.banger(["session", "wait", "box", "stuck"])).code, 137);
  });

  test("a client and a daemon are killed, and who comes back sees the screen as it is", async () => {
    await create("screen", PAINTER, "--tty");
    await using first = attach("screen");
    const pid = Number((await first.sees(/pid=(\d+)/))[1]);
    await first.sees(/PAINTED/);
    first.type("abc");
    await first.sees(/keys: 3/);
    assert.deepEqual((await inspect("screen")).terminal, { rows: 20, cols: 70 });
    process.kill(pid, "SIGKILL");
    await first.ended();
    await using second = attach("screen");
    await second.sees(/PAINTED[^]*keys: 3/);
    assert.equal(second.lines[4]?.indexOf("PAINTED"), 9);
    process.kill(await host.daemonPid(), "SIGKILL");
    assert.notEqual(await second.ended(), 0);
    await send("screen", "d");
    await using third = attach("screen");
    await third.sees(/PAINTED[^]*keys: 4/);
    third.type("\u0010\u0011");
    assert.equal(await third.ended(), 0);
    await third.sees(/Detached from session screen of box/);
    assert.equal((await inspect("screen")).state, "running");
  });

  test("one writes, others watch, and the one is taken over from", async () => {
    await using first = attach("screen");
    await first.sees(/keys: 4/);
    await refused(["attach", "box", "screen"], 125, /SESSION_BUSY/);
    await using watcher = attach("screen", "--read-only");
    await watcher.sees(/PAINTED[^]*keys: 4/);
    watcher.type("xyz");
    first.type("e");
    await watcher.sees(/keys: 5/);
    await using second = attach("screen", "--steal");
    await second.sees(/PAINTED[^]*keys: 5/);
    await first.sees(/SESSION_TAKEN/);
    assert.equal(await first.ended(), 125);
    second.type("f");
    await watcher.sees(/keys: 6/);
    await host.ok(["session", "kill", "box", "screen"]);
    assert.equal(await second.ended(), 137);
    assert.equal(await watcher.ended(), 137);
  });

  test("a full-screen program is seen as it is by who comes late", async () => {
    await host.ok(["session", "create", "box", "--name", "vi", "--tty", "--", "busybox", "vi", "/tmp/notes"]);
    await host.ok(["session", "resize", "box", "vi", "70x20"]);
    await send("vi", "ione line", "-k", "Enter", "-k", "x", "-k", "Escape");
    await using late = attach("vi");
    await late.sees(/^one line *\nx *\n~[^]*\/tmp\/notes/);
    late.type("ohello\u001b");
    await late.sees(/^one line *\nx *\nhello *\n~/);
    late.type(":wq\r");
    assert.equal(await late.ended(), 0);
    assert.equal(await host.ok(["vm", "exec", "box", "--", "cat", "/tmp/notes"]), "one line\nx\nhello\n");
  });

  test("what it has shown is a recording", async () => {
    await host.ok(["session", "export", "box", "screen", "--asciicast", "screen.cast"]);
    const [header, ...events] = (await readFile(join(host.folder, "screen.cast"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    assert.equal((header as { version: number }).version, 2);
    assert.ok(events.every((event) => Array.isArray(event) && event.length === 3 && event[0] >= 0));
    assert.match(events.map((event) => String((event as unknown[])[2])).join(""), /PAINTED[^]*70x20[^]*keys: 6/);
  });

  test("a log has bounds, and keeps its end", async () => {
    await create(
      "loud",
      "i=0; while [ $i -lt 10 ]; do head -c 1200000 /dev/zero; i=$((i+1)); done; echo; echo the end",
    );
    assert.equal((await host.banger(["session", "wait", "box", "loud"])).code, 0);
    const { logBytes, logCut } = await inspect("loud");
    assert.ok(logCut && logBytes <= 8 * 1024 ** 2 && logBytes > 4 * 1024 ** 2, String(logBytes));
    const log = await host.banger(["session", "logs", "box", "loud"]);
    assert.ok(log.stdout.length > 4 * 1024 ** 2 && log.stdout.toString("latin1").endsWith("the end\n"));
  });

  test("a reboot ends it, and leaves its log and its end", async () => {
    await create("still", "echo before; trap 'echo bye; exit 5' TERM; while :; do sleep 0.1; done");
    await create("deaf", "echo deaf; trap '' TERM; while :; do sleep 0.1; done");
    await create("done", "echo done");
    assert.equal((await host.banger(["session", "wait", "box", "done"])).code, 0);
    await host.ok(["vm", "stop", "box"]);
    await refused(["list", "box"], 4, /VM_WRONG_STATE/);
    await host.ok(["vm", "start", "box"]);
    const still = await inspect("still");
    assert.deepEqual([still.state, still.exitCode], ["rebooted", 5]);
    // It is told by PID 1 and by its supervisor; so is its sleep, of whose end the shell tells.
    assert.match(await logs("still"), /^before\n(?:(?:bye|Terminated)\n)*bye\n/);
    assert.equal((await inspect("deaf")).state, "rebooted");
    assert.equal(await logs("deaf"), "deaf\n");
    const done = await inspect("done");
    assert.deepEqual([done.state, done.exitCode], ["exited", 0]);
    await host.ok(["session", "delete", "box", "still", "deaf", "done"]);
  });

  test("a guest that is killed has what was written down", async () => {
    await create("cut", "echo written; sync; sleep 1000");
    for (const limit = AbortSignal.timeout(60_000); !(await logs("cut")).includes("written");) limit.throwIfAborted();
    await host.ok(["vm", "exec", "box", "--", "sync"]);
    await host.ok(["vm", "stop", "--force", "box"]);
    await host.ok(["vm", "start", "box"]);
    const { state, exitCode } = await inspect("cut");
    assert.deepEqual([state, exitCode], ["rebooted", undefined]);
    assert.equal(await logs("cut"), "written\n");
    await host.ok(["session", "create", "box", "--name", "new", "--", "true"]);
  });

  test("systemd starts the agent anew, and the session goes on", async () => {
    await host.ok(["vm", "delete", "--force", "box"]);
    await host.ok(["image", "pull", await debianImage("bookworm"), "--name", "debian", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "deb", "--image", "debian", "--memory", "512M"]);
    const session = (...words: string[]): Promise<string> => host.ok(["session", ...words]);
    const script = "echo up; while read l; do echo got $l; done";
    await session("create", "deb", "--name", "stays", "-i", "--", "sh", "-c", script);
    const { pid } = await host.json<GuestSession>(["session", "inspect", "deb", "stays"]);
    const agent = (): Promise<string> =>
      host.ok(["vm", "exec", "deb", "--", "systemctl", "show", "-p", "MainPID", "--value", "banger-vsock-agent"]);
    let before = await agent();
    for (const end of [
      "kill -9 $(systemctl show -p MainPID --value banger-vsock-agent)",
      "systemctl restart banger-vsock-agent",
    ]) {
      // It takes its own connection with it.
      await host.banger(["vm", "exec", "deb", "--", "sh", "-c", end]);
      // systemd takes a moment to start another, and the old one one to go.
      let now = "";
      for (const limit = performance.now() + 60_000; now === "" || now === before || now === "0\n";) {
        assert.ok(performance.now() < limit, `the agent is still ${now}`);
        now = await agent().catch(() => "");
      }
      before = now;
      const after = await host.json<GuestSession>(["session", "inspect", "deb", "stays"]);
      assert.deepEqual([after.state, after.pid], ["running", pid]);
    }
    await session("send", "deb", "stays", "word", "--key", "Enter");
    await session("send", "deb", "stays", "--end");
    await session("wait", "deb", "stays");
    assert.equal(await session("logs", "deb", "stays"), "up\ngot word\n");
    await session("create", "deb", "--name", "shell", "--tty", "--", "bash");
    await host.ok(["vm", "stop", "deb"]);
    await host.ok(["vm", "start", "deb"]);
    const { state, signal } = await host.json<GuestSession>(["session", "inspect", "deb", "shell"]);
    assert.deepEqual([state, signal], ["rebooted", "SIGHUP"]);
  });
});
