import assert from "node:assert/strict";
import { test } from "node:test";
import { gitEnvironment } from "./git-environment.ts";
import { checkVersion } from "./read-repository.ts";

test("a place says where git works, and its settings come after those that always hold", () => {
  const env = gitEnvironment({
    cwd: "/x",
    gitDir: "/x/.git",
    settings: [["core.autocrlf", "true"]],
    alternates: ['/a:"b', "/c"],
  });
  assert.equal(env["GIT_DIR"], "/x/.git");
  assert.equal(env["GIT_ALTERNATE_OBJECT_DIRECTORIES"], '"/a:\\"b":"/c"');
  const count = Number(env["GIT_CONFIG_COUNT"]);
  assert.equal(env[`GIT_CONFIG_KEY_${count - 1}`], "core.autocrlf");
  assert.equal(env[`GIT_CONFIG_KEY_${count}`], undefined);
  const keys = Array.from({ length: count }, (_none, at) => env[`GIT_CONFIG_KEY_${at}`]);
  for (const key of ["core.hooksPath", "core.fsmonitor", "protocol.allow", "gc.auto"])
    assert.ok(keys.includes(key), key);
  assert.equal(env["GIT_CONFIG_GLOBAL"], "/dev/null");
});

test("a git that does not know what is asked of it is refused", () => {
  for (const said of ["git version 2.34.1", "git version 2.39.5 (Apple Git-154)", "git version 3.0.0"])
    checkVersion(said);
  for (const said of ["git version 2.33.9", "git version 1.9", "", "nothing"]) {
    assert.throws(() => checkVersion(said), { code: "TOOL_MISSING" }, said);
  }
});
