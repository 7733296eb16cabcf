import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoints } from "../api/endpoints.ts";
import { ERROR_CODES } from "../lib/error-codes.ts";
import { commonOptions } from "./command.ts";
import { asksForHelp } from "./parse/asks.ts";
import { findCommand } from "./parse/find-command.ts";
import { parseWords } from "./parse/parse-words.ts";
import { commands } from "./registry.ts";
import { runCli } from "./run-cli.ts";
import { shellWords } from "./testing/shell-words.ts";
import { testIo } from "./testing/test-io.ts";

async function helpOf(...words: string[]): Promise<string> {
  const io = testIo();
  assert.equal(await runCli(commands, words, io), 0, io.err());
  assert.equal(io.err(), "");
  return io.out();
}

/** The banger command line in an example, which may stand behind another program's words. */
function bangerWords(line: string): readonly string[] {
  const words = shellWords(line);
  return words[0] === "banger" ? words.slice(1) : shellWords(/'banger (.*)'/.exec(line)?.[1] ?? "");
}

/** What each command can begin and leave. To follow is no work of its own. */
test("every operation of the API but the following of one is begun by a command", () => {
  const operations = Object.entries(endpoints).flatMap(([name, { kind }]) => (kind === "operation" ? [name] : []));
  const begun = commands.flatMap(({ begins = [] }) => begins);
  assert.deepEqual([...begun, "operationFollow"].toSorted(), operations.toSorted());
});

test("--detach is refused where there is nothing to leave behind", async () => {
  for (const { name, begins, options } of commands) {
    const text = await helpOf(...name, "--help");
    const takes = begins !== undefined || Object.hasOwn(options, "detach");
    assert.equal(/^ {2}-d, --detach /m.test(text), takes, name.join(" "));
  }
  const io = testIo();
  assert.equal(await runCli(commands, ["vm", "list", "--detach"], io), 2);
  assert.match(io.err(), /^error\[BAD_USAGE\]: `banger vm list` has no operation that could go on without it\n/);
  const shell = ["--script", "s", "--on-fail", "shell", "--detach"];
  assert.equal(await runCli(commands, ["image", "build", "--from-image", "a", "--name", "b", ...shell], io), 2);
  assert.match(io.err(), /--on-fail shell needs somebody who waits/);
});

for (const command of commands) {
  const name = command.name.join(" ");

  test(`${name} --help says what it does, each of its options and arguments, and gives an example`, async () => {
    const text = await helpOf(...command.name, "--help");
    assert.ok(text.startsWith(`${command.summary}\n`));
    assert.ok(text.includes(`Usage: banger ${name}`));
    for (const option of Object.keys(command.options)) assert.ok(text.includes(`--${option}`), option);
    for (const { name: argument } of command.arguments) assert.ok(text.includes(argument.toUpperCase()), argument);
    for (const { line } of command.examples) assert.ok(text.includes(`  ${line}\n`), line);
    const tooWide = text.split("\n").filter((line) => line.length > 100);
    assert.deepEqual(tooWide, []);
  });

  test(`the examples of ${name} are command lines of it`, () => {
    for (const { line } of command.examples) {
      const found = findCommand(commands, bangerWords(line));
      assert.ok(found.kind === "command", line);
      assert.equal(found.command, command, line);
      assert.equal(asksForHelp(found.rest), false);
      parseWords(command, found.rest);
    }
  });

  test(`each option of ${name} that has a value says what it is`, () => {
    for (const [option, spec] of Object.entries(command.options)) {
      if (spec.type !== "string") continue;
      assert.equal(typeof spec.read, "function", option);
      const isNumber = ["N", "SECONDS", "SIZE"].includes(spec.value ?? "");
      if (isNumber) assert.throws(() => spec.read("x", `--${option}`), { code: "BAD_USAGE" }, option);
    }
  });

  test(`the short options of ${name} are all different`, () => {
    const short = Object.values({ ...commonOptions(command), ...command.options }).flatMap(
      (option) => option.short ?? [],
    );
    assert.equal(new Set(short).size, short.length);
  });
}

test("no two commands have one name", () => {
  assert.equal(new Set(commands.map(({ name }) => name.join(" "))).size, commands.length);
});

test("banger alone, and a noun alone, list what there is", async () => {
  const all = await helpOf();
  for (const { name, hidden } of commands) {
    const word = name.at(-1) ?? "";
    assert.equal(new RegExp(`\\b${word}\\b`).test(all), hidden !== true, name.join(" "));
    if (name.length === 1) continue;
    const listed = new RegExp(`^  ${word} `, "m").test(await helpOf(name[0]));
    assert.equal(listed, hidden !== true, name.join(" "));
  }
  assert.equal(await helpOf("--help"), all);
  assert.equal(await helpOf("help"), all);
  assert.equal(await helpOf("help", "vm", "create"), await helpOf("vm", "create", "-h"));
  assert.equal(await helpOf("vm", "ls", "--help"), await helpOf("vm", "list", "--help"));
});

test("the help on exit statuses has every error code, under its status", async () => {
  const text = await helpOf("help", "exit-codes");
  let status = "";
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    status = /^ {2,4}(\d+) {2}/.exec(line)?.[1] ?? status;
    for (const [code] of line.matchAll(/\b[A-Z][A-Z0-9]+_?[A-Z0-9_]+\b/g)) found.set(code, status);
  }
  for (const [code, { exit }] of Object.entries(ERROR_CODES)) assert.equal(found.get(code), String(exit), code);
});

test("what cannot be followed ends with 2, or 125 where 2 may be a guest's, and names what was likely meant", async () => {
  const cases: readonly (readonly [words: readonly string[], fix: string])[] = [
    [["vm", "craete"], "did you mean `banger vm create`?"],
    [["imge"], "did you mean `banger image`?"],
    [["vm", "zzz"], "run `banger vm --help` to see what there is"],
    [["vm", "create", "--imgae", "x"], "did you mean --image?"],
    [["vm", "list", "--jsn"], "did you mean --json?"],
    [["--verson"], "did you mean --version?"],
    [["vm", "inspect"], "write `banger vm inspect VM`"],
    [["vm", "exec", "demo", "ls", "--all-of-it"], "put `--` before a command's own words; see `banger vm exec --help`"],
    [["vm", "create", "--name", "--nat"], "if you mean it, write --name=--nat"],
    [["vm", "create", "--name=a", "--name=b"], "give it once"],
    [["vm", "create", "--nat=yes"], "write --nat alone"],
    [["vm", "create", "--memory", "lots"], "write a number with a unit: 512M, 2G, 1.5GiB"],
    [["vm", "create", "--vcpus", "two"], "write a whole number"],
    [["vm", "resize", "demo", "again"], "see `banger vm resize --help`"],
  ];
  for (const [words, fix] of cases) {
    const io = testIo();
    assert.equal(await runCli(commands, words, io), words[1] === "exec" ? 125 : 2, words.join(" "));
    assert.equal(io.out(), "");
    assert.match(io.err(), /^error\[BAD_USAGE\]: /);
    assert.ok(io.err().endsWith(`\n  fix: ${fix}\n`), io.err());
  }
});

test("with --json an error is one line of JSON on stderr", async () => {
  const io = testIo();
  assert.equal(await runCli(commands, ["vm", "inspect", "--json"], io), 2);
  assert.equal(io.out(), "");
  const { error } = JSON.parse(io.err()) as { error: { code: string; fix: string } };
  assert.equal(error.code, "BAD_USAGE");
  // After `--` it is another program's word.
  const other = testIo();
  assert.equal(await runCli(commands, ["vm", "inspect", "a", "--", "b", "--json"], other), 2);
  assert.match(other.err(), /^error\[BAD_USAGE\]: /);
});
