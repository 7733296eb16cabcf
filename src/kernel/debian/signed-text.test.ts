import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createCleartextMessage, generateKey, sign, type PrivateKey } from "openpgp";
import { verifySignedText } from "./signed-text.ts";

const untrusted = { code: "MIRROR_UNTRUSTED" };
const TEXT = "Origin: Debian\nSuite: stable";
const now = new Date();
let dir: string;
let key: PrivateKey;
let stranger: PrivateKey;

const newKey = async (): Promise<PrivateKey> =>
  (await generateKey({ userIDs: [{ name: "archive" }], format: "object", date: new Date(now.getTime() - 60_000) }))
    .privateKey;
const signed = async (...signingKeys: PrivateKey[]): Promise<string> =>
  sign({ message: await createCleartextMessage({ text: TEXT }), signingKeys, date: new Date(now.getTime() - 1_000) });
const ring = async (name: string, content: Uint8Array | string): Promise<{ kind: "files"; paths: string[] }> => {
  await writeFile(join(dir, name), content);
  return { kind: "files", paths: [join(dir, name)] };
};

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "banger-keys-"));
  [key, stranger] = await Promise.all([newKey(), newKey()]);
});
after(() => rm(dir, { recursive: true }));

test("gives the text that a known key signed, from binary, armored and inline keys", async () => {
  const message = await signed(key);
  const armored = key.toPublic().armor();
  const binary = await ring("binary.gpg", key.toPublic().write());
  assert.equal(await verifySignedText(message, binary, "it", now), TEXT);
  assert.equal(await verifySignedText(message, await ring("armored.asc", armored), "it", now), TEXT);
  assert.equal(await verifySignedText(message, { kind: "inline", armored }, "it", now), TEXT);
});

test("needs one good signature of several", async () => {
  const keys = await ring("one.gpg", key.toPublic().write());
  assert.equal(await verifySignedText(await signed(stranger, key), keys, "it", now), TEXT);
});

test("refuses a stranger's signature, a changed text, an unsigned one", async () => {
  const keys = await ring("known.gpg", key.toPublic().write());
  const message = await signed(key);
  await assert.rejects(verifySignedText(await signed(stranger), keys, "it", now), untrusted);
  await assert.rejects(verifySignedText(message.replace("Suite: stable", "Suite: stabel"), keys, "it", now), untrusted);
  await assert.rejects(verifySignedText(TEXT, keys, "it", now), untrusted);
});

test("notices every change to what was signed", async () => {
  const keys = await ring("every.gpg", key.toPublic().write());
  const message = Buffer.from(await signed(key));
  const refused = await Promise.all(
    message.keys().map(async (at) => {
      const changed = Buffer.from(message);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const text = await verifySignedText(changed.toString(), keys, "it", now).catch(() => undefined);
      // Some bytes of the armour mean nothing: then the text is what it was.
      assert.ok(text === undefined || text === TEXT, `byte ${at}`);
      return text === undefined;
    }),
  );
  const start = message.indexOf(TEXT);
  assert.ok(refused.slice(start, start + TEXT.length).every(Boolean), "a change to the text itself");
});

test("never gives text from outside of the signed part", async () => {
  const keys = await ring("outside.gpg", key.toPublic().write());
  const verified = await verifySignedText(`${await signed(key)}\nOrigin: Evil\n`, keys, "it", now).catch(() => TEXT);
  assert.equal(verified, TEXT);
});

test("says how to get the keys where there are none", async () => {
  const keys = { kind: "files", paths: [join(dir, "absent.gpg")] } as const;
  await assert.rejects(verifySignedText(await signed(key), keys, "it", now), {
    code: "MIRROR_UNTRUSTED",
    fix: "apt install debian-archive-keyring",
  });
  await assert.rejects(verifySignedText(await signed(key), await ring("junk.gpg", "junk"), "it", now), untrusted);
});
