import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { validate } from "@readme/openapi-parser";
import { openApiDocument } from "../../src/api/openapi.ts";
import { createClient } from "../../src/client/client.ts";
import { awaitDaemon } from "../../src/client/daemon-holder.ts";
import { commandHelp } from "../../src/cli/help/command-help.ts";
import { runCli } from "../../src/cli/run-cli.ts";
import { testIo } from "../../src/cli/testing/test-io.ts";
import { allFaultPoints } from "../../src/core/faults.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { toyClient, toyCommands, toyRoutes } from "../helpers/toy-noun.ts";

const DAEMON = join(import.meta.dirname, "../helpers/toy-daemon.ts");

/** A home, and a daemon in it that has toys. */
async function scene(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), "toys-"));
  const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home };
  const layout = layoutFrom(env);
  const running = new Set<ChildProcess>();
  t.after(async () => {
    for (const daemon of running) daemon.kill("SIGKILL");
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });
  const start = async (more: Readonly<Record<string, string>> = {}): Promise<ChildProcess> => {
    const options = { env: { ...env, ...more }, stdio: "ignore" } as const;
    const daemon = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", DAEMON], options);
    running.add(daemon);
    daemon.once("exit", () => running.delete(daemon));
    const client = createClient({ socketPath: layout.socket });
    for (;;) {
      assert.equal(daemon.exitCode, null, "the daemon ended");
      const answers = await client.call("operationList", {}).then(
        () => true,
        () => false,
      );
      if (answers) return daemon;
      await after(50);
    }
  };
  const events = createClient({
    socketPath: layout.socket,
    awaitDaemon: (signal: AbortSignal) => awaitDaemon(layout, signal),
  });
  return { layout, start, env, toys: toyClient(layout.socket), events };
}

test("a noun that nothing knows of has routes, a typed client, progress, steps and events", async (t) => {
  const { start, toys, events } = await scene(t);
  await start();
  const told = await events.follow("events", { noun: "toy" }, { signal: t.signal });
  const labels: string[] = [];
  const bear = await toys.operate("toyMake", { name: "bear" }, { progress: ({ label }) => labels.push(label) });
  assert.deepEqual([bear.state, labels], ["new", ["carving bear"]]);
  assert.equal((await toys.call("toyWind", { ref: "bear" })).state, "wound");
  await assert.rejects(toys.call("toyWind", { ref: "bear" }), { code: "VM_WRONG_STATE", what: /bear is wound/ });
  await assert.rejects(toys.operate("toyMake", { name: "" }), { code: "NAME_INVALID" });
  const steps: string[] = [];
  for await (const { name, step, operation, caller } of told) {
    steps.push(`${name} ${step} ${caller} ${operation === undefined ? "" : operation.slice(0, 3)}`.trim());
    if (steps.length === 2) break;
  }
  assert.deepEqual(steps, ["bear created owner op-", "bear wound owner"]);
  const [operation] = await events.call("operationList", {});
  assert.deepEqual([operation?.name, operation?.subject, operation?.state], ["toyMake", "bear", "done"]);
});

test("an operation of it is begun and left behind, and followed by somebody else", async (t) => {
  const { start, toys, events } = await scene(t);
  await start();
  const id = await toys.begin("toyMake", { name: "bear" });
  const labels: string[] = [];
  const made = await events.operate("operationFollow", { id }, { progress: ({ label }) => labels.push(label) });
  assert.deepEqual([(made as { name: string }).name, labels], ["bear", ["carving bear"]]);
  const [operation] = await events.call("operationList", {});
  assert.deepEqual([operation?.id, operation?.detached, operation?.state], [id, true, "done"]);
  await assert.rejects(toys.begin("toyMake", { name: "" }), { code: "NAME_INVALID" });
  await assert.rejects(toys.begin("toyMake", { name: "bear" }), { code: "NAME_TAKEN" });
});

test("who follows events misses none, and hears none twice, while the daemon is killed and started anew", async (t) => {
  const { start, toys, events } = await scene(t);
  const daemon = await start();
  const noted = async (stream: AsyncIterable<{ readonly name: string }>, count: number): Promise<readonly string[]> => {
    const names: string[] = [];
    for await (const { name } of stream) if (names.push(name) === count) break;
    return names;
  };
  const told = noted(await events.follow("events", { noun: "toy" }, { signal: t.signal }), 3);
  // Of these nothing happens before the daemon goes.
  const later = noted(await events.follow("events", { noun: "toy", ref: "wolf" }, { signal: t.signal }), 1);
  await toys.operate("toyMake", { name: "bear" });
  const gone = once(daemon, "exit");
  daemon.kill("SIGKILL");
  await gone;
  await start();
  await toys.operate("toyMake", { name: "wolf" });
  await toys.operate("toyMake", { name: "fox" });
  assert.deepEqual(await told, ["bear", "wolf", "fox"]);
  assert.deepEqual(await later, ["wolf"]);
});

test("what it holds is not deleted", async (t) => {
  const { start, toys } = await scene(t);
  await start();
  await toys.operate("toyMake", { name: "chest" });
  await toys.operate("toyMake", { name: "bear", box: "chest" });
  await assert.rejects(toys.call("toyDelete", { ref: "chest" }), { code: "IMAGE_IN_USE", why: "toy bear lies in it" });
  await toys.call("toyDelete", { ref: "bear" });
  await toys.call("toyDelete", { ref: "chest" });
  assert.deepEqual(await toys.call("toyList", {}), []);
});

test("an intent of it that is cut off is settled by the next daemon, at each of its points", async (t) => {
  const { start, toys, layout } = await scene(t);
  const points = allFaultPoints().filter((point) => point.startsWith("toy.make/") && !point.endsWith("/undone"));
  assert.deepEqual(points, ["toy.make/begun", "toy.make/carved", "toy.make/done"]);
  for (const point of points) {
    const daemon = await start({ BANGER_FAULT: `${point}=kill` });
    const ended = once(daemon, "exit");
    await assert.rejects(toys.operate("toyMake", { name: point.replace(/\W/g, "-") }), { code: "DAEMON_UNREACHABLE" });
    assert.deepEqual((await ended)[1], "SIGKILL", point);
    const next = await start();
    assert.deepEqual(await readdir(layout.workDir), [], `${point}: work is left`);
    const log = await readFile(layout.daemonLog, "utf8").catch(() => "");
    assert.ok(!log.includes("could not be settled"), log);
    next.kill("SIGTERM");
    await once(next, "exit");
  }
  await start();
  assert.deepEqual(
    (await toys.call("toyList", {})).map(({ name }) => name),
    ["toy-make-done"],
    "what had its row stays, what had none is undone",
  );
  await access(layout.database);
});

test("it has commands, help and an OpenAPI document, and what its arguments name is data", async (t) => {
  const { start, toys, env } = await scene(t);
  await start();
  await toys.operate("toyMake", { name: "bear" });
  const io = testIo(env);
  assert.equal(await runCli(toyCommands, ["toy", "list"], io), 0, io.err());
  assert.match(io.out(), /bear +new/);
  const refused = testIo(env);
  assert.equal(await runCli(toyCommands, ["toy", "delete", "wolf"], refused), 3);
  assert.match(refused.err(), /there is no toy "wolf"/);
  const [, remove] = toyCommands;
  assert.ok(remove !== undefined);
  assert.match(commandHelp(remove), /Usage: banger toy delete \[OPTIONS\] TOY/);
  assert.deepEqual(
    remove.arguments.map(({ names }) => names),
    ["toy"],
  );
  const document = openApiDocument("0.0.0", toyRoutes);
  assert.equal((await validate(structuredClone(document) as never)).valid, true);
  assert.deepEqual(Object.keys(document["paths"] as object), ["/v1/toys", "/v1/toys/{ref}/wind", "/v1/toys/{ref}"]);
});
