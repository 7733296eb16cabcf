import assert from "node:assert/strict";
import { test } from "node:test";
import { command } from "../command.ts";
import { parseWords } from "./parse-words.ts";

const text = (word: string): string => word;

const exec = command({
  name: ["test", "exec"],
  summary: "",
  arguments: [
    { name: "vm", names: "vm", help: "" },
    { name: "command", kind: "rest", help: "" },
  ],
  options: {
    env: { type: "string", short: "e", multiple: true, help: "", read: text },
    tty: { type: "boolean", short: "t", help: "" },
    interactive: { type: "boolean", short: "i", help: "" },
    user: { type: "string", short: "u", help: "", read: text },
  },
  examples: [{ line: "", does: "" }],
  run: async () => {},
});

const ssh = command({
  name: ["test", "ssh"],
  summary: "",
  arguments: [
    { name: "vm", names: "vm", help: "" },
    { name: "ssh-option", kind: "passed-on", help: "" },
    { name: "command", kind: "rest", help: "" },
  ],
  options: { user: { type: "string", short: "l", help: "", read: text } },
  examples: [{ line: "", does: "" }],
  run: async () => {},
});

test("options stand before and after words, and end at --", () => {
  const { args, options } = parseWords(exec, [
    "-it",
    "demo",
    "-e",
    "A=1",
    "--env=B=2",
    "--",
    "ls",
    "-l",
    "--",
    "--user",
  ]);
  assert.deepEqual(args, { vm: "demo", command: ["ls", "-l", "--", "--user"] });
  assert.deepEqual(
    { ...options },
    {
      env: ["A=1", "B=2"],
      tty: true,
      interactive: true,
      user: undefined,
      json: false,
      help: false,
    },
  );
});

test("a value may begin with a dash where it is joined to its option", () => {
  assert.equal(parseWords(exec, ["demo", "--user=-x"]).options["user"], "-x");
  assert.throws(() => parseWords(exec, ["demo", "--user", "-x"]), { code: "BAD_USAGE" });
  assert.equal(parseWords(exec, ["demo", "--user", "-"]).options["user"], "-");
});

test("names of every object are not options", () => {
  for (const word of ["--constructor", "--toString", "--__proto__"]) {
    assert.throws(() => parseWords(exec, ["demo", word]), { code: "BAD_USAGE" }, word);
  }
});

test("another program's options are passed on as they are", () => {
  const words = ["-l", "me", "demo", "-L", "8080:localhost:80", "-v", "--", "id;", "uname", "-r"];
  const { args, options } = parseWords(ssh, words);
  assert.deepEqual(args, {
    vm: "demo",
    "ssh-option": ["-L", "8080:localhost:80", "-v"],
    command: ["id;", "uname", "-r"],
  });
  assert.equal(options["user"], "me");
  assert.deepEqual(parseWords(ssh, ["demo"]).args, { vm: "demo", "ssh-option": [], command: [] });
});

test("a command that runs nothing takes a word after -- as its own", () => {
  const plain = { ...exec, arguments: [{ name: "vm", names: "vm", help: "" }] } as const;
  assert.deepEqual(parseWords(plain, ["--", "-odd"]).args, { vm: "-odd" });
  assert.throws(() => parseWords(plain, ["a", "b"]), { code: "BAD_USAGE" });
  assert.throws(() => parseWords(plain, []), { code: "BAD_USAGE", what: "VM is missing" });
});
