import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { ofOwnAccord, onBehalfOf } from "../../../core/cause.ts";
import { agentOnSerialPort, buildAgent, temporaryFolder } from "../../../guest/agent-under-test.ts";
import type { Machine } from "../../../vmm/driver.ts";
import { agentConnector } from "./agent-connection.ts";

test("what an operation asks of an agent stands in the agent's log under the operation's id", async () => {
  await using folder = await temporaryFolder();
  await using host = await agentOnSerialPort(await buildAgent(), folder.path);
  let log = "";
  host.process.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const line = { kind: "virtio-serial", socketPath: host.socketPath } as const;
  const machine = { line, record: { line, consoleLog: join(folder.path, "console.log") } } as Machine;
  const signal = AbortSignal.timeout(20_000);
  const agent = await onBehalfOf({ caller: "owner", operation: "op-0000000000000001" }, () =>
    agentConnector({ agentPath: "" })(machine, signal),
  );
  const ask = () => agent.stats(signal);
  await onBehalfOf({ caller: "owner", operation: "op-0000000000000002" }, async () => {
    await ask();
    // What goes on after an operation is no part of it, though the connection is the same.
    await ofOwnAccord(ask);
    await Promise.all([
      agent.readServiceLog(false, signal).next(),
      onBehalfOf({ caller: "owner", operation: "op-0000000000000003" }, ask),
    ]);
  });
  for (const operation of ["op-OF SOMEBODY ELSE", "op-ä"]) await onBehalfOf({ caller: "owner", operation }, ask);
  agent.close();
  host.process.kill("SIGTERM");
  await once(host.process, "close");
  assert.doesNotMatch(log, /SOMEBODY|ä/);
  const calls = [...log.matchAll(/procedure=\S*\/(\w+) .*operation=(\S+)$/gm)].map(([, ...word]) => word.join(" "));
  assert.deepEqual(
    calls.toSorted(),
    ["ReadServiceLog op-0000000000000002", "Stats op-0000000000000002", "Stats op-0000000000000003"],
    log,
  );
});
