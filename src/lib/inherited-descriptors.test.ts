import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const HIGH_FD = 40;
const KEPT_FD = 41;

/** What a child of a process that was born with two descriptors more has open, where that closed what it should not hand on. */
test("a descriptor that a shell had open is not handed on to children", async () => {
  const program = `
    import { spawnSync } from "node:child_process";
    import { closeInheritedDescriptors } from ${JSON.stringify(join(import.meta.dirname, "inherited-descriptors.ts"))};
    const look = () => spawnSync("ls", ["/proc/self/fd"], { encoding: "utf8" }).stdout.trim().split("\\n").map(Number);
    const before = look();
    const closed = closeInheritedDescriptors(new Set([${KEPT_FD}]));
    console.log(JSON.stringify({ before, closed, after: look() }));
  `;
  await using file = await open("/dev/zero");
  const stdio: ("ignore" | "pipe" | "inherit" | number)[] = ["ignore", "pipe", "inherit"];
  for (let fd = 3; fd <= KEPT_FD; fd += 1) stdio[fd] = fd < HIGH_FD ? "ignore" : file.fd;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio });
  const said = JSON.parse(await text(child.stdout as NodeJS.ReadableStream)) as Record<string, readonly number[]>;
  assert.ok(said["before"]?.includes(HIGH_FD), "Node hands it on by itself");
  assert.ok(said["closed"]?.includes(HIGH_FD));
  assert.ok(!said["after"]?.includes(HIGH_FD));
  assert.ok(said["after"]?.includes(KEPT_FD), "what is meant for us is left open");
});
