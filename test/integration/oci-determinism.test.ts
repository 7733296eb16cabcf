import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { layersWithEveryWhiteout } from "../helpers/corpus-layers.ts";
import { FaultRegistry } from "../helpers/fault-registry.ts";
import { ROOT } from "../helpers/test-host.ts";
import { TestLayout } from "../helpers/test-layout.ts";

const exec = promisify(execFile);
const asRoot = { skip: process.getuid?.() === 0 ? false : "taking another user's part needs root" };

/** Imports an image in a process of its own, and gives the sha256 of the file system that it wrote. */
async function importElsewhere(
  reference: string,
  circumstances: { day?: string; env?: Record<string, string>; umask?: string; uid?: number } = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "banger-same-"));
  try {
    const target = join(folder, "disk");
    await chmod(folder, 0o777);
    const program = join(ROOT, "test/helpers/import-to-file.ts");
    const words = [process.execPath, program, reference, target, circumstances.day ?? ""];
    // Arguments, not text that a shell would take apart.
    const script = `umask ${circumstances.umask ?? "022"}; exec "$@"`;
    await exec("/bin/sh", ["-c", script, "sh", ...words], {
      env: { PATH: process.env["PATH"] ?? "", ...circumstances.env },
      ...(circumstances.uid !== undefined && { uid: circumstances.uid, gid: circumstances.uid }),
    });
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(target)) hash.update(chunk as Buffer);
    return hash.digest("hex");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const layers = layersWithEveryWhiteout().map((tar) => ({ tar, compression: "gzip" as const }));

test("the same image gives the same bytes on another day, in another zone, under another umask", async () => {
  await using layout = await TestLayout.make(layers);
  const first = await importElsewhere(layout.reference);
  assert.equal(await importElsewhere(layout.reference), first);
  assert.equal(await importElsewhere(layout.reference, { day: "2031-07-04T12:00:00Z" }), first);
  assert.equal(await importElsewhere(layout.reference, { env: { TZ: "Pacific/Chatham", LANG: "tr_TR.UTF-8" } }), first);
  assert.equal(await importElsewhere(layout.reference, { umask: "077" }), first);
  assert.equal(await importElsewhere(layout.reference, { umask: "000" }), first);
});

test("the same image gives the same bytes for another user", asRoot, async () => {
  await using layout = await TestLayout.make(layers);
  await exec("chmod", ["-R", "a+rX", layout.folder]);
  const first = await importElsewhere(layout.reference);
  assert.equal(await importElsewhere(layout.reference, { uid: 65534 }), first);
});

test("the same image gives the same bytes in whatever order its layers arrive", async () => {
  await using layout = await TestLayout.make(layers);
  const first = await importElsewhere(layout.reference);
  // Each layer waits for the one behind it, of those that are fetched at once.
  const held: (() => Promise<void>)[] = [];
  let arrivals = 0;
  await using registry = await FaultRegistry.start(layout, async (request, _, serve) => {
    if (request.url?.includes("/blobs/") !== true) return serve();
    arrivals += 1;
    // The config comes alone, before all layers.
    if (arrivals === 1) return serve();
    held.push(serve);
    const isLast = arrivals === layers.length + 1;
    if (held.length === 4 || isLast) for (const next of held.splice(0).toReversed()) await next();
    return undefined;
  });
  assert.equal(await importElsewhere(registry.reference), first);
});

test("what differs in the image differs in the bytes", async () => {
  await using layout = await TestLayout.make(layers);
  await using other = await TestLayout.make(layers.slice(0, -1));
  assert.notEqual(await importElsewhere(layout.reference), await importElsewhere(other.reference));
});
