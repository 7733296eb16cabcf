import { chmod, mkdir, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { lazyBuiltins } from "./bundling/lazy-builtins.ts";
import { oneStart } from "./bundling/one-start.ts";

const ROOT = join(import.meta.dirname, "..");
const LIB = join(ROOT, "build/lib");
const BIN = join(ROOT, "build/bin");

/**
 * Program in build/bin → its entry in src, and how Node is run. A daemon waits most of its time: V8 and malloc are to give
 * back what an operation took, not to keep room for the next.
 */
const PROGRAMS = {
  banger: { entry: "src/cli/main.ts", environment: "", options: "" },
  bangerd: {
    entry: "src/daemon/main.ts",
    // A threshold that is named does not rise with what was freed before (mallopt(3)).
    environment: "export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072\n",
    options: " --optimize-for-size --max-semi-space-size=4",
  },
} as const;
/** What src/cli/main.ts imports. */
const CLI_START = ["src/cli/registry.ts", "src/cli/run-cli.ts"];
type Program = (typeof PROGRAMS)[keyof typeof PROGRAMS];
/** What bangerd starts by itself, in build/lib alone. */
const INNER_PROGRAMS = { "banger-rootfs": "src/nouns/images/rootfs/main.ts" } as const;

/**
 * Bundles the programs into `build/lib` and writes their launchers into `build/bin`.
 * Each by itself: code that both share would be cut into more files, and each file read costs a start half a millisecond.
 */
async function build(): Promise<void> {
  const current = new Set<string>();
  const entries = Object.entries(PROGRAMS).map(([name, { entry }]) => [name, entry] as const);
  for (const [name, entry] of [...entries, ...Object.entries(INNER_PROGRAMS)]) {
    for (const path of await bundle(name, entry)) current.add(path);
  }
  await removeStaleChunks(current);
  await mkdir(BIN, { recursive: true });
  const node = join(LIB, "node");
  await rm(node, { force: true });
  await symlink(await realpath(process.execPath), node);
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const path = join(BIN, name);
    await writeFile(path, launcher(name, program));
    await chmod(path, 0o755);
  }
}

/** @returns the files written. What a program imports when it needs it becomes a chunk of its own. */
async function bundle(name: string, entry: string): Promise<readonly string[]> {
  const { metafile } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [{ in: entry, out: name }],
    outdir: LIB,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    sourcemap: true,
    // Names stay, for who reads a stack trace; every command waits until all of it has been read.
    minifyWhitespace: true,
    metafile: true,
    plugins: [lazyBuiltins, ...(name === "banger" ? [oneStart(ROOT, CLI_START)] : [])],
    logLevel: "warning",
  });
  return Object.keys(metafile.outputs).map((path) => join(ROOT, path));
}

/** A chunk's name carries its hash: those of earlier builds would pile up. */
async function removeStaleChunks(current: ReadonlySet<string>): Promise<void> {
  const chunks = join(LIB, "chunks");
  const old = (await readdir(chunks)).map((name) => join(chunks, name)).filter((path) => !current.has(path));
  for (const path of old) await rm(path);
}

/** sh starts in a millisecond; a `#!` line can name neither a path beside itself nor V8's cache of compiled code. */
function launcher(name: string, { environment, options }: Program): string {
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
${environment}exec "$lib/node" --disable-warning=ExperimentalWarning${options} "$lib/${name}.js" "$@"
`;
}

try {
  await build();
} catch (error) {
  // esbuild has said where and why.
  if (!(error instanceof Error && "errors" in error)) throw error;
  process.exitCode = 1;
}
