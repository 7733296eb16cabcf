import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AREAS, LEFT_OUT, modulesOf } from "./areas.ts";

const cwd = join(import.meta.dirname, "../..");

test("every area has modules to mutate and tests to judge them", () => {
  for (const area of AREAS) {
    assert.notEqual(modulesOf(area, [], cwd).length, 0, `${area.name}: modules`);
    assert.notEqual(globSync([...area.tests], { cwd }).length, 0, `${area.name}: tests`);
  }
});

test("every glob that leaves modules out still names some", () => {
  for (const glob of LEFT_OUT.flatMap(({ modules }) => modules))
    assert.notEqual(globSync(glob, { cwd }).length, 0, glob);
});

test("a part is named by a file, a folder or a glob; tests and what is left out are in none", () => {
  const named = (...wanted: readonly string[]): readonly string[] =>
    AREAS.flatMap((area) => modulesOf(area, wanted, cwd));
  assert.deepEqual(named("src/core/steps.ts", "src/lib/ids.ts"), ["src/core/steps.ts", "src/lib/ids.ts"]);
  assert.ok(named("src/core").includes("src/core/state/plan-state.ts"));
  assert.ok(named("src/core/").every((file) => file.startsWith("src/core/")));
  assert.deepEqual(named("src/nowhere/**", "src/core/steps.test.ts", "src/lib/destroy.ts"), []);
  assert.ok(!named().some((file) => file.endsWith(".test.ts") || file === "src/lib/destroy.ts"));
});
