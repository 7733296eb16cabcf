import assert from "node:assert/strict";
import { test } from "node:test";
import { cliHome } from "./testing/cli-process.ts";

test("with --detach an operation is begun, and its id is all that stdout says", async () => {
  const asked: unknown[] = [];
  await using home = await cliHome({
    answer({ fields, message }, response) {
      asked.push([fields["ref"], message.headers["banger-detach"]]);
      if (fields["ref"] === "lost")
        return void response
          .writeHead(200, { "banger-operation": "op-lost" })
          .end('{"error":{"code":"VM_NOT_FOUND","what":"there is no VM lost","fix":"f"}}\n');
      response.writeHead(200, { "banger-operation": `op-${fields["ref"] ?? ""}` }).flushHeaders();
      // One that has nothing to say at first goes on without a word.
      if (fields["ref"] === "b") response.write('{"progress":{"id":"a","label":"a","status":"running"}}\n');
    },
  });
  const some = await home.run("vm", "start", "-d", "a", "lost", "b");
  assert.deepEqual([some.status, some.stdout.toString()], [3, "op-a\nop-b\n"]);
  assert.match(some.stderr, /Follow it with: banger operation follow op-a\n.*no VM lost.*follow op-b\n/s);
  assert.deepEqual(asked, [
    ["a", "true"],
    ["lost", "true"],
    ["b", "true"],
  ]);
  const json = await home.run("vm", "stop", "b", "--detach", "--json");
  assert.deepEqual([json.status, JSON.parse(json.stdout.toString()), json.stderr], [0, { operation: "op-b" }, ""]);
});
