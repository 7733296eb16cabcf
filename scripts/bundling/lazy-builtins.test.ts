import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import * as esbuild from "esbuild";
import { lazyBuiltins } from "./lazy-builtins.ts";

/** What a program prints once it is bundled. */
async function output(program: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: program, loader: "ts", resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    plugins: [lazyBuiltins],
  });
  const args = ["--input-type=module", "--eval", outputFiles[0]?.text ?? ""];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim();
}

const LOADED = `process.moduleLoadList.includes("NativeModule http")`;

test("a module is loaded when it is first used, not when it is imported", async () => {
  assert.equal(
    await output(`import { get } from "node:http"; console.log(${LOADED}); globalThis.keep = () => get;`),
    "false",
  );
  assert.equal(await output(`import { get } from "node:http"; console.log(typeof get, ${LOADED});`), "function true");
});

test("each way to import is understood", async () => {
  const program = `
    import * as path from "node:path";
    import fs, { readFileSync } from "fs";
    import EventEmitter, { once } from "node:events";
    import process from "node:process";
    class Own extends EventEmitter {}
    process.exitCode = 0;
    console.log(path.join("a", "b"), fs.readFileSync === readFileSync, new Own() instanceof EventEmitter, typeof once);`;
  assert.equal(await output(program), "a/b true true function");
});

test("an import that would be empty is refused when it is bundled", async () => {
  await assert.rejects(output(`const { stat } = await import("node:fs/promises"); console.log(typeof stat);`), {
    message: /import node:fs\/promises at the top/,
  });
});
