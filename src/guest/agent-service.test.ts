import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceStatusSchema } from "../model/service.ts";
import { statusOf } from "./agent-service.ts";
import { agentOnSocket, buildAgent, temporaryFolder } from "./agent-under-test.ts";
import { ServiceState } from "./gen/banger/agent/v1/agent_pb.ts";

const said = { state: ServiceState.RUNNING, pid: 7, restarts: 0, sinceNs: 0n, error: "" };

test("whatever a guest says of its command can be read again from its VM's record", () => {
  const most = 2n ** 63n - 1n;
  for (const sinceNs of [0n, -1n, 1_700_000_000_000_000_000n, most, -most]) {
    const status = statusOf({ ...said, sinceNs, restarts: 2 ** 32 - 1, pid: -1, error: "\u0000\n".repeat(10_000) });
    assert.deepEqual(serviceStatusSchema.parse(status), status);
  }
  assert.equal(statusOf({ ...said, state: 99 as ServiceState }).state, "stopped");
  assert.equal(statusOf({ ...said, sinceNs: 1_700_000_000_000_000_000n }).since, "2023-11-14T22:13:20.000Z");
});

test("a run that ended has its status, one that runs has its pid, and what is nothing is absent", () => {
  const since = "1970-01-01T00:00:00.000Z";
  assert.deepEqual(statusOf(said), { state: "running", pid: 7, restarts: 0, since });
  const ended = { ...said, state: ServiceState.FAILED, pid: 0, exitCode: 0, restarts: 2, error: "no such file" };
  assert.deepEqual(statusOf(ended), { state: "failed", exitCode: 0, restarts: 2, since, error: "no such file" });
});

test("what is no pattern is refused by the agent, in its words", async () => {
  await using folder = await temporaryFolder();
  await using agent = await agentOnSocket(await buildAgent(), folder.path);
  const client = await agent.connect();
  const limit = AbortSignal.timeout(30_000);
  for (const pattern of ["(", "a{2000}", "x".repeat(1_001)]) {
    await assert.rejects(client.awaitServiceLine(pattern, limit), { code: "BAD_REQUEST" }, pattern);
  }
  client.close();
});
