import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { ROOT } from "../helpers/test-host.ts";

const LIB = join(ROOT, "build/lib");

/**
 * Most that every command may load before it does anything: V8 takes a tenth of a millisecond for each 2 KiB of it. A command
 * is 2 to 3 KiB, with its help.
 */
const MAX_BYTES = 256 * 1024;
/** Its own, what scripts/bundling/one-start.ts keeps together, and esbuild's helpers. Each file is half a millisecond. */
const MAX_FILES = 3;

/** A program's own file and those that it imports at once, with the sources they were made of. */
async function loadedAtStart(path: string, seen = new Map<string, readonly string[]>()): Promise<typeof seen> {
  if (seen.has(path)) return seen;
  const map = JSON.parse(await readFile(`${path}.map`, "utf8")) as { sources: readonly string[] };
  seen.set(
    path,
    map.sources.map((source) => relative(ROOT, join(dirname(path), source))),
  );
  const text = await readFile(path, "utf8");
  // `import("…")` is what is loaded later.
  for (const [, name = ""] of text.matchAll(/(?<=^|[;}\n])(?:import ?|import ?[^;"()]*?from ?)"(\.[^"]+)";/g)) {
    await loadedAtStart(join(dirname(path), name), seen);
  }
  return seen;
}

function libraries(loaded: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const names = [...loaded.values()].flat().map((source) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

test("what each command loads before it does anything stays small, and holds no library", async () => {
  const loaded = await loadedAtStart(join(LIB, "banger.js"));
  assert.ok([...loaded.values()].flat().includes("src/cli/registry.ts"));
  assert.deepEqual(libraries(loaded), []);
  const sizes = await Promise.all([...loaded.keys()].map(async (path) => (await stat(path)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes <= MAX_BYTES, `${bytes} bytes are loaded: import what is heavy where it is used`);
  assert.ok(sizes.length <= MAX_FILES, `${sizes.length} files are loaded`);
});

test("a library that is loaded at once is found", async () => {
  const found = libraries(await loadedAtStart(join(LIB, "bangerd.js")));
  assert.ok(found.includes("fastify") && found.includes("zod"), found.join(" "));
});
