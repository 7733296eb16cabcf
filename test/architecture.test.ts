import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const MAX_LINES = 300;

const ENGINES = ["oci", "ext4", "kernel", "vmm", "net", "disk", "guest", "host", "store"] as const;

/** What lies below the engines beside lib and model; neither knows the other. */
const BELOW = ["formats", "http"] as const;

/** What each folder of src may import besides itself. An engine knows no other engine. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ["lib"],
  ...Object.fromEntries(BELOW.map((layer) => [layer, ["lib", "model"]])),
  ...Object.fromEntries(ENGINES.map((engine) => [engine, ["lib", "model", ...BELOW]])),
  api: ["lib", "model"],
  core: ["lib", "model", "store", "api"],
  nouns: ["lib", "model", ...BELOW, "api", ...ENGINES, "core"],
  daemon: ["lib", "model", ...BELOW, "api", ...ENGINES, "core", "nouns"],
  client: ["lib", "model", "api"],
  cli: ["lib", "model", "api", "client"],
};

/** Source files: path from the root → text. */
type Sources = Readonly<Record<string, string>>;

function readSources(): Sources {
  const paths = globSync("src/**/*.ts", { cwd: ROOT }).filter((path) => !path.includes("/gen/"));
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
}

/** Each import that points up or across, in words. */
function forbiddenImports(sources: Sources): readonly string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const from = layerOf(path);
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) return [`${path}: the layers know no folder ${from}`];
    return importsOf(text)
      .map((specifier) => join(dirname(path), specifier))
      .filter((target) => layerOf(target) !== from && !allowed.includes(layerOf(target)) && !isForAll(target, path))
      .map((target) => `${path} imports ${target}: ${from} may import ${allowed.join(", ") || "nothing"}`);
  });
}

/** The version stands in package.json; tests build their material with what lies beside the other tests. */
function isForAll(target: string, importer: string): boolean {
  return target === "package.json" || (importer.endsWith(".test.ts") && target.startsWith("test/helpers/"));
}

/** `src/oci/layout/read.ts` → `oci`; anything outside src is a layer of its own that none may import. */
function layerOf(path: string): string {
  const [top, layer] = path.split("/");
  return top === "src" && layer !== undefined ? layer : "outside src";
}

/** Relative specifiers of static and dynamic imports, re-exports, and types in place. */
function importsOf(text: string): readonly string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)].map(([, specifier]) => specifier ?? "");
}

function tooLong(sources: Sources): readonly string[] {
  return Object.entries(sources)
    .map(([path, text]) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path} has ${lines} lines; past ${MAX_LINES} there is a second idea in it`);
}

/** Names that say nothing of what is in them. */
function emptyNames(sources: Sources): readonly string[] {
  const empty = /(^|\/)(utils?|helpers?|common|manager|misc)(\/|\.ts$)/;
  const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/;
  return Object.keys(sources).filter((path) => empty.test(path) || !kebab.test(path.slice(path.lastIndexOf("/") + 1)));
}

suite("the architecture", () => {
  const sources = readSources();

  test("imports point down only", () => {
    assert.ok(Object.keys(sources).length > 50, "the sources were found");
    assert.deepEqual(forbiddenImports(sources), []);
  });

  test("files hold one idea", () => assert.deepEqual(tooLong(sources), []));

  test("names say what is there, in kebab-case", () => assert.deepEqual(emptyNames(sources), []));
});

suite("the architecture's own judge", () => {
  const judged = (path: string, text: string): number => forbiddenImports({ [path]: text }).length;

  test("rejects an engine that imports another, in each way to import", () => {
    assert.equal(judged("src/oci/a.ts", `import { x } from "../ext4/b.ts";`), 1);
    assert.equal(judged("src/oci/deep/a.ts", `import type { X } from "../../ext4/b.ts";`), 1);
    assert.equal(judged("src/oci/a.ts", `export * from "../ext4/b.ts";`), 1);
    assert.equal(judged("src/oci/a.ts", `const b = await import("../ext4/b.ts");`), 1);
    assert.equal(judged("src/oci/a.ts", `import {\n  x,\n  y,\n} from "../ext4/b.ts";`), 1);
  });

  test("rejects what points up, and folders that it does not know", () => {
    assert.equal(judged("src/lib/a.ts", `import "../model/b.ts";`), 1);
    assert.equal(judged("src/nouns/a.ts", `import "../daemon/b.ts";`), 1);
    assert.equal(judged("src/client/a.ts", `import "../nouns/b.ts";`), 1);
    assert.equal(judged("src/daemon/a.ts", `import "../cli/b.ts";`), 1);
    assert.equal(judged("src/lib/a.ts", `import "../../test/helpers/b.ts";`), 1);
    assert.equal(judged("src/formats/a.ts", `import "../oci/b.ts";`), 1);
    assert.equal(judged("src/formats/a.ts", `import "../http/b.ts";`), 1);
    assert.equal(judged("src/somewhere/a.ts", ""), 1);
  });

  test("lets pass what points down", () => {
    assert.equal(judged("src/oci/a.ts", `import { x } from "../model/b.ts"; import "./c.ts"; import "zod";`), 0);
    assert.equal(judged("src/lib/a.test.ts", `import "../../test/helpers/b.ts";`), 0);
    assert.equal(judged("src/oci/a.ts", `import { x } from "../formats/tar/b.ts";`), 0);
    assert.equal(judged("src/nouns/vms/a.ts", `import { x } from "../../ext4/b.ts";`), 0);
  });

  test("rejects a file of 301 lines, and a name without meaning", () => {
    assert.equal(tooLong({ "src/lib/a.ts": "\n".repeat(301) }).length, 1);
    assert.equal(tooLong({ "src/lib/a.ts": "\n".repeat(300) }).length, 0);
    assert.equal(emptyNames({ "src/lib/utils.ts": "", "src/helpers/a.ts": "", "src/lib/CamelCase.ts": "" }).length, 3);
    assert.equal(emptyNames({ "src/lib/errors.ts": "", "src/lib/net-utils-x.test.ts": "" }).length, 0);
  });
});
