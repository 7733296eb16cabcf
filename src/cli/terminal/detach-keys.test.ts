import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { DetachKeys } from "./detach-keys.ts";

const P = "\u0010";
const Q = "\u0011";

/** What is passed on of what is typed, a key press each, and whether that detached. */
async function typing(presses: readonly string[]): Promise<readonly [passed: string, detached: boolean]> {
  let detached = false;
  const keys = new DetachKeys(() => (detached = true));
  let passed = "";
  keys.on("data", (chunk: Buffer) => (passed += chunk.toString()));
  for (const press of presses) if (!detached) keys.write(press);
  keys.end();
  await once(keys, "end");
  return [passed, detached];
}

test("Ctrl-P Ctrl-Q detaches, in one piece or two, and what was typed before is passed on", async () => {
  assert.deepEqual(await typing([`ab${P}${Q}cd`]), ["ab", true]);
  assert.deepEqual(await typing(["a", P, Q]), ["a", true]);
  assert.deepEqual(await typing([P, P, Q]), [P, true]);
});

test("either alone is a key like others", async () => {
  assert.deepEqual(await typing([P, "x", Q, "y"]), [`${P}x${Q}y`, false]);
  assert.deepEqual(await typing(["a", P]), [`a${P}`, false]);
});

test("a Ctrl-P that nothing follows is passed on by itself", async () => {
  const keys = new DetachKeys(() => assert.fail("it detached"));
  keys.write(P);
  const [chunk] = (await once(keys, "data")) as [Buffer];
  assert.equal(chunk.toString(), P);
  keys.write(Q);
  assert.equal(String(((await once(keys, "data")) as [Buffer])[0]), Q);
  keys.destroy();
});
