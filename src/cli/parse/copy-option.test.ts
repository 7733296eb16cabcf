import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCopy } from "./copy-option.ts";

test("what is copied, and where to", () => {
  const copy = (text: string) => Object.values(parseCopy(text, "/home/me")).join(" ");
  assert.equal(copy("app:/opt/app"), "/home/me/app /opt/app");
  assert.equal(copy("./a.deb:/tmp/"), "/home/me/a.deb /tmp/a.deb");
  assert.equal(copy("/srv/a:b:/x"), "/srv/a:b /x");
});

test("what is no copy is refused", () => {
  for (const text of ["", "app", "app:", ":/opt", "app:relative"]) {
    assert.throws(() => parseCopy(text, "/"), { code: "BAD_USAGE" }, text);
  }
});
