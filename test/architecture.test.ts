import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const MAX_LINES = 300;

const ENGINES = ["oci", "ext4", "kernel", "vmm", "net", "disk", "guest", "git", "host", "store"] as const;

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
  cli: ["lib", "model", "formats", "api", "client"],
};

/** The nouns, lowest first: each may use those before it, of which it sees what their index.ts names. */
const NOUNS = ["kernels", "images", "volumes", "vms", "builds", "workspaces", "events", "system"] as const;
/** What stands beside the nouns' folders and knows no noun, so that each may use it. */
const BELOW_NOUNS: readonly string[] = ["src/nouns/installation.ts", "src/nouns/slot.ts"];

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

/** Each import by which a noun gets at what is not its own, nor shown to it, in words. */
function forbiddenNouns(sources: Sources): readonly string[] {
  return importPairs(sources)
    .filter(([from, to]) => nounOf(from) !== undefined && to.startsWith("src/nouns/") && nounOf(from) !== nounOf(to))
    .filter(([from, to]) => !mayUse(from, to))
    .map(([from, to]) => `${from} imports ${to}: of nouns before it, it may use what their index.ts names`);
}

function mayUse(from: string, to: string): boolean {
  if (BELOW_NOUNS.includes(to)) return true;
  const [own, other] = [nounOf(from), nounOf(to)].map((noun) => (NOUNS as readonly unknown[]).indexOf(noun));
  if (own === undefined || other === undefined || own === -1) return false;
  // What stands beside the folders has all nouns: it is for whoever has all below, and for tests.
  if (nounOf(to) === undefined) return own === NOUNS.length - 1 || isTest(from);
  return other !== -1 && other < own && to === `src/nouns/${nounOf(to)}/index.ts`;
}

/** `src/nouns/vms/start/start-vm.ts` → `vms`; undefined for what is of no noun. */
function nounOf(path: string): string | undefined {
  const [, layer, noun, ...rest] = path.split("/");
  return layer === "nouns" && rest.length > 0 ? noun : undefined;
}

/** Tests, and what they are made with: nothing of the product imports them. */
function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.includes("/testing/");
}

/** Files that import one another in a circle, types too, each circle as one line. */
function fileCircles(sources: Sources): readonly string[] {
  return circles(importPairs(sources));
}

/**
 * Folders beside one another that import one another in a circle, tests left out. A folder's own files stand both above and
 * below those in it, as what puts parts together and what parts share: of them the files' circles tell.
 */
function folderCircles(sources: Sources): readonly string[] {
  return circles(importPairs(sources).flatMap(([from, to]) => (isTest(from) ? [] : siblings(from, to))));
}

/** The two folders, beside one another, in which the files lie. */
function siblings(from: string, to: string): readonly Pair[] {
  const [a, b] = [dirname(from).split("/"), dirname(to).split("/")];
  const common = a.findIndex((name, n) => name !== b[n]);
  if (common === -1 || common >= b.length) return [];
  return [[a.slice(0, common + 1).join("/"), b.slice(0, common + 1).join("/")]];
}

type Pair = readonly [from: string, to: string];

function importPairs(sources: Sources): readonly Pair[] {
  return Object.entries(sources).flatMap(([path, text]) =>
    importsOf(text).map((specifier): Pair => [path, join(dirname(path), specifier)]),
  );
}

/** One circle for each way back to where one began. */
function circles(pairs: readonly Pair[]): readonly string[] {
  const next = Map.groupBy(pairs, ([from]) => from);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const begun = trail.indexOf(node);
    if (begun !== -1) found.push([...trail.slice(begun), node].join(" → "));
    if (begun !== -1 || done.has(node)) return;
    for (const [, to] of next.get(node) ?? []) visit(to, [...trail, node]);
    done.add(node);
  };
  for (const node of next.keys()) visit(node, []);
  return [...new Set(found)];
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

  test("no files import one another in a circle, types neither", () => assert.deepEqual(fileCircles(sources), []));

  test("no folders beside one another do", () => assert.deepEqual(folderCircles(sources), []));

  test("a noun uses those before it, by what they show", () => {
    const folders = new Set(Object.keys(sources).flatMap((path) => nounOf(path) ?? []));
    assert.deepEqual([...folders].toSorted(), [...NOUNS].toSorted());
    assert.deepEqual(forbiddenNouns(sources), []);
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

  test("rejects a circle of files, through types, through a third, and of one alone", () => {
    const b = { "src/oci/b.ts": `export type { Y } from "./c.ts";` };
    const c = { "src/oci/c.ts": `let z: import("./a.ts").Z;` };
    assert.equal(fileCircles({ "src/oci/a.ts": `import type { X } from "./b.ts";`, ...b, ...c }).length, 1);
    assert.equal(fileCircles({ ...b, ...c }).length, 0);
    assert.equal(fileCircles({ "src/oci/a.ts": `import "./a.ts";` }).length, 1);
    assert.equal(fileCircles({ "src/oci/a.ts": `import "./b.ts"; import "./c.ts";`, ...b }).length, 0);
  });

  test("rejects a circle of folders beside one another, though no file is in one", () => {
    const there = { "src/oci/push/a.ts": `import type { X } from "../source/a.ts";` };
    const back = { "src/oci/source/deep/b.ts": `import "../../push/b.ts";` };
    assert.deepEqual(fileCircles({ ...there, ...back }), []);
    assert.equal(folderCircles({ ...there, ...back }).length, 1);
    assert.equal(folderCircles(there).length, 0);
    assert.equal(folderCircles({ ...there, "src/oci/source/b.test.ts": `import "../push/b.ts";` }).length, 0);
    assert.equal(
      folderCircles({ "src/oci/a.ts": `import "./push/a.ts";`, "src/oci/push/a.ts": `import "../b.ts";` }).length,
      0,
    );
  });

  test("rejects a noun that uses one after it, another's inside, or what puts all together", () => {
    const used = (path: string, text: string): number => forbiddenNouns({ [path]: text }).length;
    assert.equal(used("src/nouns/images/a.ts", `import type { X } from "../vms/index.ts";`), 1);
    assert.equal(used("src/nouns/vms/deep/a.ts", `import type { X } from "../../images/pull/b.ts";`), 1);
    assert.equal(used("src/nouns/vms/a.ts", `import "../store.ts";`), 1);
    assert.equal(used("src/nouns/vms/a.ts", `import "../elsewhere/index.ts";`), 1);
    assert.equal(used("src/nouns/elsewhere/a.ts", `import "../vms/index.ts";`), 1);
    assert.equal(used("src/nouns/vms/a.ts", `import "../images/index.ts"; import "./b/c.ts"; import "../slot.ts";`), 0);
    assert.equal(used("src/nouns/vms/a.test.ts", `import "../store.ts";`), 0);
    assert.equal(used("src/nouns/store.ts", `import "./vms/vm-table.ts";`), 0);
  });

  test("rejects a file of 301 lines, and a name without meaning", () => {
    assert.equal(tooLong({ "src/lib/a.ts": "\n".repeat(301) }).length, 1);
    assert.equal(tooLong({ "src/lib/a.ts": "\n".repeat(300) }).length, 0);
    assert.equal(emptyNames({ "src/lib/utils.ts": "", "src/helpers/a.ts": "", "src/lib/CamelCase.ts": "" }).length, 3);
    assert.equal(emptyNames({ "src/lib/errors.ts": "", "src/lib/net-utils-x.test.ts": "" }).length, 0);
  });
});
