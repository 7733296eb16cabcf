import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dockerCredentials, type Credentials } from "./docker-credentials.ts";

const signal = new AbortController().signal;
const path = process.env["PATH"] ?? "";
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-credentials-"));
  process.env["PATH"] = `${folder}:${path}`;
});
after(async () => {
  process.env["PATH"] = path;
  await rm(folder, { recursive: true, force: true });
});

async function lookUp(config: unknown, registry: string): Promise<Credentials | undefined> {
  await writeFile(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return dockerCredentials(folder, registry, signal);
}

async function helper(name: string, script: string): Promise<void> {
  await writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, `docker-credential-${name}`), 0o755);
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const password = (username: string, password: string): Credentials => ({ kind: "password", username, password });

test("what docker login writes", async () => {
  assert.deepEqual(
    await lookUp({ auths: { "host:5000": { auth: base64("u:p:q") } } }, "host:5000"),
    password("u", "p:q"),
  );
  assert.deepEqual(
    await lookUp({ auths: { "https://host/v1/": { auth: base64("u:p\0\0") } } }, "host"),
    password("u", "p"),
  );
  assert.deepEqual(await lookUp({ auths: { host: { username: "u", password: "p" } } }, "host"), password("u", "p"));
  assert.deepEqual(await lookUp({ auths: { host: { auth: base64("u:"), identitytoken: "t" } } }, "host"), {
    kind: "identity",
    token: "t",
  });
  const hub = { auths: { "https://index.docker.io/v1/": { auth: base64("hub:p") } } };
  assert.deepEqual(await lookUp(hub, "docker.io"), password("hub", "p"));
});

test("no file, no entry, an empty entry, another host", async () => {
  assert.equal(await dockerCredentials("/does/not/exist", "host", signal), undefined);
  assert.equal(await lookUp({}, "host"), undefined);
  assert.equal(await lookUp({ auths: { host: {} } }, "host"), undefined);
  assert.equal(await lookUp({ auths: { "other.host": { auth: base64("u:p") } } }, "host"), undefined);
});

test("helpers: for a registry before the store, and what they do not know", async () => {
  await helper("one", `echo '{"Username":"one","Secret":"s"}'`);
  await helper("token", `echo '{"Username":"<token>","Secret":"t"}'`);
  await helper("empty", `echo 'credentials not found in native keychain'; exit 1`);
  await helper("broken", `echo 'the keychain is locked' >&2; exit 1`);
  await helper("nonsense", `echo '{"Username":1}'`);
  assert.deepEqual(await lookUp({ credHelpers: { host: "one" }, credsStore: "broken" }, "host"), password("one", "s"));
  assert.deepEqual(await lookUp({ credsStore: "token" }, "host"), { kind: "identity", token: "t" });
  const both = { credsStore: "empty", auths: { host: { auth: base64("u:p") } } };
  assert.deepEqual(await lookUp(both, "host"), password("u", "p"));
  await assert.rejects(lookUp({ credsStore: "broken" }, "host"), /keychain is locked/);
  await assert.rejects(lookUp({ credsStore: "nonsense" }, "host"), { code: "CONFIG_INVALID" });
  await assert.rejects(lookUp({ credsStore: "not-installed" }, "host"), { code: "TOOL_MISSING" });
  await assert.rejects(lookUp({ credsStore: "../../bin/sh" }, "host"), { code: "CONFIG_INVALID" });
});

test("a file that does not parse is an error that quotes no secret", async () => {
  for (const text of [
    "",
    "{",
    '{"auths":{"host":{"auth":"c2VjcmV0OnNlY3JldA==" "x"}}}',
    "[]",
    '{"auths":{"host":{"auth":7}}}',
  ]) {
    await assert.rejects(lookUp(text, "host"), (error: unknown) => {
      assert.equal((error as { code?: string }).code, "CONFIG_INVALID");
      return !(error as Error).message.includes("c2Vj");
    });
  }
});
