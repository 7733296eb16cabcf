import { chmod, mkdir, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join } from "node:path";
import * as esbuild from "esbuild";

const ROOT = join(import.meta.dirname, "..");

/** Program in build/bin → its entry in src. */
const PROGRAMS = { banger: "src/cli/main.ts", bangerd: "src/daemon/main.ts" } as const;

/**
 * `node:sqlite` is still called experimental, on stderr. A small young generation keeps an import of 200,000 files under
 * 200 MB (measured: 170 MB of 275 MB), at no cost in time.
 */
const NODE_FLAGS: Readonly<Record<keyof typeof PROGRAMS, string>> = {
  banger: "--disable-warning=ExperimentalWarning",
  bangerd: "--disable-warning=ExperimentalWarning --max-semi-space-size=8",
};

/**
 * Node's own modules, got without `import`: importing node:http as an ES module asks for each of its exports, and one
 * of them loads all of fetch and WebSocket, which takes as long as Node's own start (measured: 35 of 85 ms).
 */
const builtins: esbuild.Plugin = {
  name: "builtins",
  setup(build) {
    const names = builtinModules.map((name) => name.replace(/^node:/, ""));
    build.onResolve({ filter: new RegExp(`^(node:)?(${names.join("|")})$`) }, ({ path }) => ({
      path: path.startsWith("node:") ? path : `node:${path}`,
      namespace: "builtin",
      sideEffects: false,
    }));
    build.onLoad({ filter: /^/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Bundles the programs into `build/lib` and writes their launchers into `build/bin`.
 * Split into chunks, so that the command line loads only the command that it runs.
 */
async function build(): Promise<void> {
  const lib = join(ROOT, "build/lib");
  const bin = join(ROOT, "build/bin");
  const result = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: Object.entries(PROGRAMS).map(([name, entry]) => ({ in: entry, out: name })),
    outdir: lib,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    sourcemap: true,
    metafile: true,
    plugins: [builtins],
    logLevel: "warning",
  });
  await removeStale(lib, new Set(Object.keys(result.metafile.outputs).map((path) => join(ROOT, path))));
  await mkdir(bin, { recursive: true });
  const node = join(lib, "node");
  await rm(node, { force: true });
  await symlink(await realpath(process.execPath), node);
  for (const name of ["banger", "bangerd"] as const) {
    const path = join(bin, name);
    await writeFile(path, launcher(name));
    await chmod(path, 0o755);
  }
}

/** A chunk's name carries its hash: those of earlier builds would pile up. */
async function removeStale(lib: string, current: ReadonlySet<string>): Promise<void> {
  const chunks = join(lib, "chunks");
  const old = (await readdir(chunks)).map((name) => join(chunks, name)).filter((path) => !current.has(path));
  for (const path of old) await rm(path);
}

/** sh starts in a millisecond; a `#!` line can name neither a path beside itself nor V8's cache of compiled code. */
function launcher(name: keyof typeof PROGRAMS): string {
  return `#!/bin/sh
# Runs ${name} on the Node that it was built with. Follows links to itself, so that it can be linked into PATH.
self=$0
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  to=$(readlink -- "$self")
  case $to in /*) self=$to ;; *) self=\${self%/*}/$to ;; esac
done
lib=\${self%/*}/../lib
cache=\${XDG_CACHE_HOME:-\${HOME:+$HOME/.cache}}
if [ -n "$cache" ]; then export NODE_COMPILE_CACHE="$cache/banger/node"; fi
exec "$lib/node" ${NODE_FLAGS[name]} "$lib/${name}.js" "$@"
`;
}

try {
  await build();
} catch (error) {
  // esbuild has said where and why.
  if (!(error instanceof Error && "errors" in error)) throw error;
  process.exitCode = 1;
}
