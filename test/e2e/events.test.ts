import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { setTimeout as after } from "node:timers/promises";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";

const exec = promisify(execFile);
const BANGER = join(ROOT, "build", "bin", "banger");

interface Told {
  readonly seq: number;
  readonly name: string;
  readonly step: string;
  readonly operation?: string;
  readonly caller: string;
}

/** What a command prints while it runs, and how to end it. */
function watching(host: TestHost, args: readonly string[]) {
  const child = spawn(BANGER, args, { env: { ...host.env }, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const ended = once(child, "exit") as Promise<[number | null]>;
  return {
    text: () => text,
    until: async (pattern: RegExp): Promise<void> => {
      for (const limit = performance.now() + 60_000; !pattern.test(text); await after(20))
        assert.ok(performance.now() < limit, `${args.join(" ")} printed no ${String(pattern)}: ${text}`);
    },
    ended,
    interrupt: async (): Promise<number | null> => {
      child.kill("SIGINT");
      return (await ended)[0];
    },
  };
}

suite("events and operations", { timeout: 900_000 }, () => {
  test("each step is told once and in order, survives the daemon, and names its operation", async () => {
    await using host = await TestHost.start();
    await using image = await busyboxImage();
    const { stdout } = await exec(join(ROOT, "scripts", "make-generic-kernel.sh"), [], { maxBuffer: 2 ** 26 });
    await host.ok(["kernel", "import", "generic", "--vmlinux", stdout.trim().split("\n").at(-1) ?? ""]);
    const following = watching(host, ["events", "--follow", "--json"]);
    const list = watching(host, ["vm", "list", "--watch"]);
    await after(500);
    await host.ok(["image", "pull", image.reference, "--name", "bb", "--kernel-ref", "generic"]);
    await host.ok(["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"]);
    const waiting = watching(host, ["vm", "wait", "box", "--timeout", "120"]);
    const doomed = watching(host, ["vm", "wait", "box", "--for", "deleted"]);
    await list.until(/box +running/);
    // Who follows and who waits goes on with the daemon that comes after this one.
    await host.ok(["daemon", "stop", "--force"]);
    await host.ok(["vm", "list"]);
    // The guest's own doing is nobody's operation.
    await host.banger(["vm", "exec", "box", "--", "/bin/busybox", "poweroff", "-f"], { timeoutMs: 60_000 });
    assert.deepEqual(await waiting.ended, [0, null]);
    await list.until(/box +stopped/);
    await host.ok(["vm", "delete", "box"]);
    assert.deepEqual(await doomed.ended, [0, null]);
    await following.until(/"deleted"/);
    const events = following
      .text()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Told);
    assert.deepEqual(
      events.map(({ name, step }) => `${name} ${step}`),
      [
        "bb created",
        ...["created", "cloned", "starting", "launched", "started", "stopped", "deleting", "deleted"].map(
          (step) => `box ${step}`,
        ),
      ],
    );
    const of = (step: string): Told | undefined => events.find((event) => event.name === "box" && event.step === step);
    assert.equal(of("created")?.operation, of("started")?.operation);
    assert.deepEqual([of("stopped")?.operation, of("stopped")?.caller], [undefined, "daemon"]);
    assert.equal(of("deleted")?.caller, "owner");
    const log = await host.ok(["daemon", "logs"]);
    assert.ok(log.includes(of("started")?.operation ?? "op-none") || !log.includes('"operation"'));
    assert.equal(await following.interrupt(), 130);
    assert.equal(await list.interrupt(), 130);

    const last = events.at(-1)?.seq ?? 0;
    await host.ok(["daemon", "stop"]);
    const kept = await host.ok(["events", "--json", "--after", String(last - 2)]);
    assert.deepEqual(
      kept
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as Told).seq),
      [last - 1, last],
    );
    const gone = await host.banger(["events", "--after", String(last + 1)]);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /the events after number \d+ are not all there/);
  });

  test("what one client began another sees, follows and cancels", async () => {
    await using host = await TestHost.start();
    await host.ok(["vm", "list"]);
    const config = join(host.folder, "other.config");
    await writeFile(config, `${await readFile(join(ROOT, "kernel", "generic.config"), "utf8")}# built by nobody yet\n`);
    const building = host.banger(["kernel", "build", "slow", "--config", config]);
    let id = "";
    for (const limit = performance.now() + 60_000; id === ""; await after(50)) {
      assert.ok(performance.now() < limit);
      const [found] = await host.json<{ id: string; name: string }[]>(["operation", "list"]);
      id = found?.name === "kernelBuild" ? found.id : "";
    }
    const following = host.banger(["operation", "follow", id]);
    await after(1_000);
    await host.ok(["operation", "cancel", id]);
    assert.equal((await building).code, 130);
    const followed = await following;
    assert.equal(followed.code, 130, followed.stderr);
    const ended = await host.json<{ id: string; state: string; error: string }[]>(["operation", "list", "--all"]);
    assert.deepEqual(
      ended.filter((one) => one.id === id).map(({ state, error }) => [state, error]),
      [["failed", "CANCELLED"]],
    );
    const none = await host.banger(["operation", "cancel", "op-none"]);
    assert.equal(none.code, 3);
  });
});
