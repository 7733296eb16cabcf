import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { productSources } from "../scripts/destructive/sources.ts";
import { tokensOf } from "../scripts/destructive/tokens.ts";

/** The one place that starts children which outlive a call, or read what is hostile. */
const LAUNCHER = "src/lib/launch.ts";

/** Other places that start programs, each with the reason why it does not go by the launcher. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "src/lib/process.ts": "runs a tool to its end: nothing of it is left when the call returns",
  "src/formats/find-data.ts": "GNU tar, of the user's own disk: read to its end and ended by the call",
  "src/client/start-daemon.ts":
    "bangerd is no child of the daemon's: it has the user's environment, and may gain privileges",
  "src/cli/ssh/run-ssh.ts":
    "the user's own ssh, on the user's terminal, with the user's agent; the command ends with it",
  "src/cli/terminal/raw-mode.ts": "stty, by spawnSync",
};

const STARTING = /^(?:node:)?(?:child_process|cluster)$|^execa$/;

/** Each place where a file gets hold of what starts programs, by the line. */
function startsIn(source: string): readonly number[] {
  const tokens = tokensOf(source);
  return tokens.flatMap(({ kind, text, line }, at) => {
    if (kind !== "string" || !STARTING.test(text)) return [];
    const before = tokens[at - 1]?.text ?? "";
    if (before === "from") return isOfTypes(tokens.slice(0, at)) ? [] : [line];
    return before === "import" || before === "(" ? [line] : [];
  });
}

/** Whether the import or export that ends here takes types alone. */
function isOfTypes(before: readonly { readonly text: string }[]): boolean {
  const start = before.findLastIndex(({ text }) => text === "import" || text === "export");
  const words = before.slice(start + 1, -1).map(({ text }) => text);
  if (words[0] === "type" && words[1] !== ",") return true;
  const names = words
    .join(" ")
    .replace(/^\{|\}$/g, "")
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  return words[0] === "{" && names.every((name) => name.startsWith("type "));
}

/** Places that start programs and are not known for it, and known ones that do so no more. */
function amiss(sources: Readonly<Record<string, string>>): readonly string[] {
  const starting = Object.keys(sources).filter((path) => startsIn(sources[path] ?? "").length > 0);
  const known = [LAUNCHER, ...Object.keys(ELSEWHERE)];
  return [
    ...starting.filter((path) => !known.includes(path)).map((path) => `${path} starts programs past ${LAUNCHER}`),
    ...known.filter((path) => !starting.includes(path)).map((path) => `${path} starts nothing any more`),
  ];
}

suite("what lives long is started in one place", () => {
  test("no file starts programs past the launcher but those that are known for it", () => {
    const sources = productSources();
    assert.ok(Object.keys(sources).length > 300, "the sources were found");
    assert.deepEqual(amiss(sources), []);
  });

  test("each exception has its reason", () => {
    for (const [path, reason] of Object.entries(ELSEWHERE)) assert.ok(reason.length > 10, path);
  });
});

suite("the judge of that", () => {
  test("finds each way to get hold of what starts programs", () => {
    for (const text of [
      `import { spawn } from "node:child_process";`,
      `import { type ChildProcess, spawn } from "child_process";`,
      `import * as processes from "node:child_process";`,
      `import child, { type X } from "node:child_process";`,
      `import type, { spawn } from "node:child_process";`,
      `import {\n  execFile,\n} from 'node:child_process';`,
      `import { execa } from "execa";`,
      `export { spawn } from "node:child_process";`,
      `import "execa";`,
      `const { spawn } = await import("node:child_process");`,
      `const { fork } = require("child_process");`,
      `process.getBuiltinModule("node:child_process").spawn("sleep");`,
      `import cluster from "node:cluster";`,
    ])
      assert.equal(startsIn(text).length, 1, text);
  });

  test("lets pass types, words and comments", () => {
    for (const text of [
      `import type { ChildProcess } from "node:child_process";`,
      `import { type ChildProcess, type Spawn } from "node:child_process";`,
      `export type { ChildProcess } from "node:child_process";`,
      `// import { spawn } from "node:child_process";`,
      `const words = ["node:child_process", "execa"];`,
      `import { launch } from "../lib/launch.ts";`,
    ])
      assert.deepEqual(startsIn(text), [], text);
  });

  test("refuses a file that goes past the launcher, and an exception that is none any more", () => {
    const known = Object.fromEntries([LAUNCHER, ...Object.keys(ELSEWHERE)].map((path) => [path, `import "execa";`]));
    assert.deepEqual(amiss(known), []);
    const past = { ...known, "src/vmm/third/launch.ts": `import { spawn } from "node:child_process"; spawn("vmm");` };
    assert.deepEqual(amiss(past), [`src/vmm/third/launch.ts starts programs past ${LAUNCHER}`]);
    const { [LAUNCHER]: _launcher, ...without } = known;
    assert.deepEqual(amiss(without), [`${LAUNCHER} starts nothing any more`]);
  });
});
