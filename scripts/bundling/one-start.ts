import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "esbuild";

const NAMESPACE = "lazy";

/**
 * Keeps all that a program loads at its start in one chunk.
 *
 * esbuild makes a chunk of the modules that the same entry points reach, and each `import()` is an entry point: what a
 * lazily loaded file shares with the start would be cut out of it, and every file read costs a start half a millisecond.
 * So each such file is made to reach all of the start, which has been read by then.
 *
 * @param start what the program's entry imports at once, from the root; none may have a top-level await, which would wait
 *              for itself.
 */
export function oneStart(root: string, start: readonly string[]): Plugin {
  const imports = start.map((file) => `import ${JSON.stringify(join(root, file))};`).join("\n");
  return {
    name: "one-start",
    setup(build) {
      // A package's own files share nothing with the start.
      build.onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) =>
        kind === "dynamic-import" ? { path: join(resolveDir, path), namespace: NAMESPACE } : undefined,
      );
      build.onLoad({ filter: /^/, namespace: NAMESPACE }, async ({ path }) => {
        const exported = [`export * from ${JSON.stringify(path)};`];
        if (/^export default /m.test(await readFile(path, "utf8"))) {
          exported.push(`export { default } from ${JSON.stringify(path)};`);
        }
        return { contents: `${imports}\n${exported.join("\n")}\n`, loader: "ts", resolveDir: root };
      });
    },
  };
}
