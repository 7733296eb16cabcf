import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { readConsoleLog, readServiceLog, type LogRequest } from "./read-logs.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-logs-"));
});
after(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return (await buffer(chunks)).toString();
}

test("a console's log is read whole or from its last lines on; one that is not there is empty", async () => {
  const path = join(folder, "console.log");
  assert.equal(await textOf(readConsoleLog(path, { follow: false, lines: 3 }, never)), "");
  await writeFile(path, "one\ntwo\nthree\n");
  assert.equal(await textOf(readConsoleLog(path, { follow: false }, never)), "one\ntwo\nthree\n");
  assert.equal(await textOf(readConsoleLog(path, { follow: false, lines: 2 }, never)), "two\nthree\n");
  assert.equal(await textOf(readConsoleLog(path, { follow: false, lines: 0 }, never)), "");
  assert.equal(await textOf(readConsoleLog(path, { follow: false, lines: 9 }, never)), "one\ntwo\nthree\n");
});

test("it is followed from its last lines on", async () => {
  const path = join(folder, "followed.log");
  await writeFile(path, "one\ntwo\n");
  const ending = new AbortController();
  let seen = "";
  for await (const chunk of readConsoleLog(path, { follow: true, lines: 1 }, ending.signal)) {
    seen += Buffer.from(chunk).toString();
    if (seen === "two\n") await appendFile(path, "three\n");
    else ending.abort();
  }
  assert.equal(seen, "two\nthree\n");
});

test("a service's log has its last lines, too, and refuses what its agent cannot tell", async () => {
  const agent = {
    async *readServiceLog() {
      yield Buffer.from("one\ntw");
      yield Buffer.from("o\nthree");
    },
  } as Partial<AgentClient> as AgentClient;
  const read = (request: LogRequest): Promise<string> => textOf(readServiceLog(agent, request, never));
  assert.equal(await read({ follow: false }), "one\ntwo\nthree");
  assert.equal(await read({ follow: false, lines: 2 }), "two\nthree");
  assert.equal(await read({ follow: false, lines: 0 }), "");
  assert.equal(await read({ follow: false, lines: 7 }), "one\ntwo\nthree");
  await assert.rejects(read({ follow: true, lines: 1 }), { code: "BAD_REQUEST" });
});
