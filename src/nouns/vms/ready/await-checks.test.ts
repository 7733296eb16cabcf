import assert from "node:assert/strict";
import { PassThrough, Readable, Writable } from "node:stream";
import { test } from "node:test";
import type { AgentClient, ExecSpec, ForwardTarget } from "../../../guest/agent-client.ts";
import { untilAborted } from "../../../lib/deadline.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { Image } from "../../../model/image.ts";
import { readyChecksSchema } from "../../../model/ready-check.ts";
import type { Vm } from "../../../model/vm.ts";
import { awaitChecks } from "./await-checks.ts";
import { notReadyAndGone } from "./run-check.ts";

const image = { config: { env: ["B=2"], user: "app", workingDir: "/srv" } } as unknown as Image;

/** A guest whose ports open, and whose commands succeed, at the so-manieth time that they are asked for. */
function guest(opens: { readonly ports?: Readonly<Record<number, number>>; readonly commands?: number }) {
  const asked = new Map<number, number>();
  const ran: ExecSpec[] = [];
  const agent = {
    forward: async (target: ForwardTarget) => {
      if (target.kind !== "tcp" || target.host !== "127.0.0.1") throw refusal();
      const nth = (asked.get(target.port) ?? 0) + 1;
      asked.set(target.port, nth);
      if (nth < (opens.ports?.[target.port] ?? Infinity)) throw refusal();
      return new PassThrough();
    },
    exec: async (spec: ExecSpec) => {
      ran.push(spec);
      const code = ran.length >= (opens.commands ?? Infinity) ? 0 : 3;
      return {
        stdin: new Writable({ write: (_chunk, _encoding, done) => done() }),
        stdout: Readable.from([]),
        stderr: Readable.from([Buffer.from("not\u001b[31m yet\n")]),
        exit: Promise.resolve({ code }),
      };
    },
  } as unknown as AgentClient;
  return { agent, ran, asked };
}

function refusal(): BangerError {
  return new BangerError("BAD_REQUEST", { what: "no", why: "connection refused", fix: "f" });
}

function wait(agent: AgentClient, ready: readonly string[], limitMs = 5_000, signal = new AbortController().signal) {
  const vm = { name: "box", spec: { ready, env: { A: "1" } } } as unknown as Vm;
  const told: string[] = [];
  const progress = ({ label }: { label: string }) => void told.push(label);
  return { told, done: awaitChecks({ agent, vm, image, limitMs }, { signal, progress }) };
}

test("all of the checks are waited for, at once", async () => {
  const { agent, ran, asked } = guest({ ports: { 80: 3, 81: 1 }, commands: 2 });
  const { told, done } = wait(agent, ["port:80", "port:81", "cmd:is it up"]);
  await done;
  assert.equal(asked.get(80), 3);
  assert.equal(ran.length, 2);
  assert.deepEqual(ran[0], { argv: ["/bin/sh", "-c", "is it up"], env: { A: "1", B: "2" }, cwd: "/srv", user: "app" });
  assert.equal(told[0], "box: waiting for port:80, port:81, cmd:is it up");
  assert.ok(told.includes("box: waiting for port:80, cmd:is it up"));
  assert.equal(told.at(-1), "box is ready");
});

test("what does not come to hold is told, with what was said last, and nothing of what did", async () => {
  const { agent } = guest({ ports: { 80: 1 } });
  await assert.rejects(wait(agent, ["port:80", "port:5432", "cmd:false"], 300).done, {
    code: "VM_NOT_READY",
    why: "port:5432: connection refused; cmd:false: status 3: not [31m yet",
  });
});

test("a line of the command's log is waited for, and what keeps it from coming is told", async () => {
  const asked: string[] = [];
  const printing = (line: Promise<string>): AgentClient =>
    ({
      awaitServiceLine: (pattern: string, signal: AbortSignal) => {
        asked.push(pattern);
        return untilAborted(line, signal);
      },
    }) as unknown as AgentClient;
  await wait(printing(Promise.resolve("listening on 80")), ["log:listening on \\d+"]).done;
  assert.deepEqual(asked, ["listening on \\d+"]);
  await assert.rejects(wait(printing(new Promise(() => {})), ["log:x"], 100).done, {
    code: "VM_NOT_READY",
    why: "log:x: its command has printed no such line",
  });
  const none = new BangerError("BAD_REQUEST", { what: "( is no regular expression", fix: "f" });
  await assert.rejects(wait(printing(Promise.reject(none)), ["log:("]).done, { code: "BAD_REQUEST" });
});

test("a VM without checks is asked nothing", async () => {
  const { agent, ran } = guest({});
  const { told, done } = wait(agent, []);
  await done;
  assert.deepEqual([ran, told], [[], []]);
});

test("a wait that is cancelled ends, and so does one whose agent is lost", async () => {
  const cancel = new AbortController();
  const { done } = wait(guest({}).agent, ["port:80"], 60_000, cancel.signal);
  cancel.abort(new BangerError("CANCELLED", { what: "cancelled", fix: "f" }));
  await assert.rejects(done, { code: "CANCELLED" });
  const lost = {
    forward: () => Promise.reject(new BangerError("AGENT_UNREACHABLE", { what: "gone", fix: "f" })),
  } as unknown as AgentClient;
  await assert.rejects(wait(lost, ["port:80"]).done, { code: "AGENT_UNREACHABLE" });
});

test("a check is a port, a command, or a line", () => {
  const isTaken = (text: string): boolean => readyChecksSchema.safeParse([text]).success;
  for (const good of ["port:1", "port:65535", "cmd:x", "cmd:a: b\nc", "log:x"]) assert.ok(isTaken(good), good);
  for (const bad of [
    "",
    "port:",
    "port:0",
    "port:65536",
    "port:x",
    "cmd:",
    "log:",
    "logs:x",
    "8080",
    `cmd:${"x".repeat(1000)}`,
  ])
    assert.ok(!isTaken(bad), bad);
  assert.ok(!readyChecksSchema.safeParse(Array(21).fill("port:1")).success);
});

test("who made a VM is told that it is gone, and is not sent into it", () => {
  const error = new BangerError("VM_NOT_READY", {
    what: "VM box runs",
    why: "port:80: refused",
    fix: "see banger vm exec",
  });
  const { what, why, fix } = notReadyAndGone(error, { name: "box" });
  assert.match(what, /box .* removed again/);
  assert.equal(why, "port:80: refused");
  assert.doesNotMatch(fix, /vm exec/);
  const other = new BangerError("DISK_FULL", { what: "w", fix: "f" });
  assert.equal(notReadyAndGone(other, { name: "box" }), other);
});
