import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChallenge } from "./registry-auth.ts";

const bearer = (realm: string, service?: string, scope?: string): object => ({
  scheme: "bearer",
  realm,
  service,
  scope,
});

test("challenges as registries write them", () => {
  assert.deepEqual(
    parseChallenge(
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/a:pull"',
    ),
    bearer("https://auth.docker.io/token", "registry.docker.io", "repository:library/a:pull"),
  );
  assert.deepEqual(parseChallenge('bearer Realm="https://x/t", service=plain'), bearer("https://x/t", "plain"));
  assert.deepEqual(
    parseChallenge('Bearer realm="https://x/t",scope="a:b:pull,push"'),
    bearer("https://x/t", undefined, "a:b:pull,push"),
  );
  assert.deepEqual(parseChallenge('Basic realm="x", Bearer realm="https://x/t"'), bearer("https://x/t"));
  assert.deepEqual(parseChallenge('Basic realm="x"'), { scheme: "basic" });
  assert.deepEqual(parseChallenge("basic"), { scheme: "basic" });
});

test("what cannot be answered", () => {
  for (const header of [undefined, "", "Digest realm=x", "Bearer", 'Bearer service="x"', "Negotiate"]) {
    assert.equal(parseChallenge(header), undefined, header);
  }
});
