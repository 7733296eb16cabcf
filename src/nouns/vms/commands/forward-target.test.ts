import assert from "node:assert/strict";
import { type Duplex, PassThrough } from "node:stream";
import { test } from "node:test";
import type { AgentClient, ForwardTarget as AgentTarget } from "../../../guest/agent-client.ts";
import { BangerError } from "../../../lib/errors.ts";
import { openTarget, parseForwardTarget } from "./forward-target.ts";

const never = new AbortController().signal;

/** An agent in whose guest the addresses given listen. */
function agentWith(...listening: readonly string[]) {
  const asked: string[] = [];
  const forward = async (target: AgentTarget): Promise<Duplex> => {
    const address = target.kind === "tcp" ? `${target.host} ${target.port}` : target.kind;
    asked.push(address);
    if (listening.includes(address)) return new PassThrough();
    throw new BangerError("BAD_REQUEST", { what: `nothing at ${address}`, fix: "f" });
  };
  return { asked, agent: { forward } as unknown as AgentClient };
}

test("what can be reached in a guest is read, and nothing else", () => {
  assert.deepEqual(parseForwardTarget("ssh"), { kind: "ssh" });
  assert.deepEqual(parseForwardTarget("port:65535"), { kind: "port", port: 65_535 });
  assert.deepEqual(parseForwardTarget("tcp:::1:80"), { kind: "tcp", host: "::1", port: 80 });
  assert.deepEqual(parseForwardTarget("vsock:4294967295"), { kind: "vsock", port: 0xffff_ffff });
  assert.deepEqual(parseForwardTarget("unix:/a:b"), { kind: "unix", path: "/a:b" });
  const bad = ["", "port:0", "port:65536", "port:", "tcp:h:0", "tcp:h:65536", "tcp::1", "vsock:0", "vsock:4294967296"];
  for (const text of [...bad, "unix:relative", "udp:1"])
    assert.throws(() => parseForwardTarget(text), { code: "BAD_REQUEST" }, text);
});

test("a guest's own port is asked for on IPv4, then on IPv6; what IPv4 said is told where neither answers", async () => {
  const target = parseForwardTarget("port:80");
  const four = agentWith("127.0.0.1 80");
  await openTarget(four.agent, target, never);
  assert.deepEqual(four.asked, ["127.0.0.1 80"]);
  const six = agentWith("::1 80");
  await openTarget(six.agent, target, never);
  assert.deepEqual(six.asked, ["127.0.0.1 80", "::1 80"]);
  await assert.rejects(openTarget(agentWith().agent, target, never), { what: "nothing at 127.0.0.1 80" });
});
