import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callsOf, type DestructiveCall } from "./destructive/find-calls.ts";
import { productSources } from "./destructive/sources.ts";

/** Writes the tables of docs/internals/destructive-paths.md anew: each place that destroys something, and its proof. */
const ROOT = join(import.meta.dirname, "..");
const PAGE = join(ROOT, "docs/internals/destructive-paths.md");

/** Calls in the agent, as its own test demands that they be told (agent/internal/files/destroys_test.go). */
const GO_CALLS: Readonly<Record<string, string>> = {
  "os.RemoveAll": "removes a folder",
  "os.Remove": "removes a file",
  "os.Rename": "renames over",
  "files.Replace": "replaces a file",
  "os.O_TRUNC": "empties a file",
  ".Kill(": "signals a process",
  "unix.Reboot": "ends the machine",
  "unix.SYS_REBOOT": "ends the machine",
  "files.ReplaceLink": "replaces a link",
  "os.WriteFile": "writes a file",
};

function goCalls(): readonly DestructiveCall[] {
  const paths = globSync("agent/**/*.go", { cwd: ROOT }).filter((path) => !/\/gen\/|_test\.go$/.test(path));
  return paths.toSorted().flatMap((path) => {
    const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
    return lines.flatMap((text, index): readonly DestructiveCall[] => {
      const proof = /^\s*\/\/ destroys: (.*)$/.exec(lines[index - 1] ?? "")?.[1];
      if (proof === undefined) return [];
      const [, does = "destroys"] = Object.entries(GO_CALLS).find(([call]) => text.includes(call)) ?? [];
      return [{ path, line: index + 1, does, proof }];
    });
  });
}

function table(calls: readonly DestructiveCall[]): string {
  const rows = calls.map(
    ({ path, line, does, proof = "" }) => `| \`${path}:${line}\` | ${does} | ${proof.replaceAll("|", "\\|")} |`,
  );
  return ["| where | what it does | what proves that it may |", "| --- | --- | --- |", ...rows].join("\n");
}

const tables: Readonly<Record<string, string>> = {
  host: table(Object.entries(productSources()).flatMap(([path, text]) => callsOf(path, text))),
  guest: table(goCalls()),
};
let page = readFileSync(PAGE, "utf8");
for (const [name, text] of Object.entries(tables)) {
  const [before, rest, ...more] = page.split(`<!-- ${name}: written by scripts/write-destructive-paths.ts -->`);
  const end = rest?.indexOf("<!-- end -->") ?? -1;
  if (before === undefined || rest === undefined || more.length > 0 || end < 0) throw new Error(`no place for ${name}`);
  page = `${before}<!-- ${name}: written by scripts/write-destructive-paths.ts -->\n\n${text}\n\n${rest.slice(end)}`;
}
writeFileSync(PAGE, page);
