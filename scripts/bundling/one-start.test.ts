import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import * as esbuild from "esbuild";
import { oneStart } from "./one-start.ts";

const SOURCES = {
  "main.ts": `import { run } from "./start.ts";\nexport const said = await run();\n`,
  "start.ts": `import { one } from "./one.ts";\nimport { two } from "./two.ts";
export async function run() {
  const { alone } = await import("./alone.ts");
  const other = await import("./other.ts");
  return [one, two, alone, other.default, other.counted].join();
}\n`,
  "one.ts": "export const one = 1;\n",
  "two.ts": "export const two = 2;\nexport const counter = { loads: 0 };\ncounter.loads += 1;\n",
  // Each shares another part with the start.
  "alone.ts": `import { one } from "./one.ts";\nexport const alone = one + 10;\n`,
  "other.ts": `import { two, counter } from "./two.ts";\nexport default two + 10;\nexport const counted = counter.loads;\n`,
};

/** @returns how many files the program loads at once, and what it says when it runs. */
async function bundled(plugins: (root: string) => esbuild.Plugin[]) {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-bundle-"));
  const root = folder.path;
  for (const [name, text] of Object.entries(SOURCES)) await writeFile(join(root, name), text);
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: ["main.ts"],
    outdir: "out",
    bundle: true,
    splitting: true,
    format: "esm",
    outExtension: { ".js": ".mjs" },
    metafile: true,
    plugins: plugins(root),
  });
  const atOnce = (path: string, seen: Set<string>): Set<string> => {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const { path: to, kind } of metafile.outputs[path]?.imports ?? []) {
      if (kind === "import-statement") atOnce(to, seen);
    }
    return seen;
  };
  const { said } = (await import(pathToFileURL(join(root, "out/main.mjs")).href)) as { said: string };
  return { files: atOnce("out/main.mjs", new Set()).size, said };
}

test("what a program loads at its start is its own file and one more, and lazy files work as before", async () => {
  const { files, said } = await bundled((root) => [oneStart(root, ["start.ts"])]);
  assert.equal(files, 2);
  assert.equal(said, "1,2,11,12,1");
});

test("without it, what lazy files share with the start is cut out of it", async () => {
  const { files, said } = await bundled(() => []);
  assert.ok(files > 2, String(files));
  assert.equal(said, "1,2,11,12,1");
});
