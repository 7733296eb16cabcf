import { builtinModules } from "node:module";
import type { Plugin } from "esbuild";

const NAMES = builtinModules.map((name) => name.replace(/^node:/, ""));

/**
 * Node's own modules, got when first used and without `import`.
 *
 * Importing node:http as an ES module asks for each of its exports, and one of them loads all of fetch and WebSocket:
 * 35 ms, as long as Node's own start. Loading only what a command comes to use takes a few more off each start.
 */
export const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(node:)?(${NAMES.join("|")})$`) }, ({ path, kind }) => {
      // `await import` would get a module with a default export alone, and there is no need of it: all are lazy.
      if (kind === "dynamic-import")
        return { errors: [{ text: `import ${path} at the top: the bundle makes it lazy` }] };
      return { path: path.startsWith("node:") ? path : `node:${path}`, namespace: "builtin", sideEffects: false };
    });
    build.onLoad({ filter: /^/, namespace: "builtin" }, ({ path }) => ({ contents: standIn(path) }));
  },
};

/** A CommonJS module with a getter for each export. What is itself a function or can be assigned to is got at once. */
function standIn(path: string): string {
  const real: unknown = process.getBuiltinModule(path);
  const get = `process.getBuiltinModule(${JSON.stringify(path)})`;
  if (typeof real !== "object" || real === null || path === "node:process") return `module.exports = ${get};`;
  const getters = Object.keys(Object.getOwnPropertyDescriptors(real)).map(
    (name) => `  get ${JSON.stringify(name)}() { return load()[${JSON.stringify(name)}]; },`,
  );
  return `let real;\nconst load = () => (real ??= ${get});\nmodule.exports = {\n${getters.join("\n")}\n};`;
}
