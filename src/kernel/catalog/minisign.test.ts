import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../lib/process.ts";
import { MinisignTestKey } from "../../../test/helpers/minisign-key.ts";
import { findFault, parsePublicKey, parseSignature, startSignedHash } from "./minisign.ts";

const hasMinisign = spawnSync("minisign", ["-v"]).status === 0;
const skip = hasMinisign ? false : "no minisign here to judge ours (scripts/setup.sh test installs it)";

/** What ours says of a signature: undefined where it holds. */
function judge(publicKey: string, signature: string, data: Uint8Array): string | undefined {
  const key = parsePublicKey(publicKey);
  assert.ok(key !== undefined, "no public key");
  const parsed = parseSignature(signature);
  return typeof parsed === "string" ? parsed : findFault(key, parsed, startSignedHash().update(data).digest());
}

/** Why a text is no signature, or the empty string where it is one. */
function whyNot(text: string): string {
  const parsed = parseSignature(text);
  return typeof parsed === "string" ? parsed : "";
}

const data = Buffer.from("what is signed");
const key = new MinisignTestKey();
const good = key.sign(data);

test("a signature holds for its content, its key and its comment, and for nothing else", () => {
  assert.equal(judge(key.publicKey, good, data), undefined);
  assert.match(judge(key.publicKey, good, Buffer.from("what is signed!")) ?? "", /not of this content/);
  assert.match(judge(new MinisignTestKey().publicKey, good, data) ?? "", /signed with the key [0-9A-F]{16}, and/);
  assert.match(judge(key.publicKey, good.replace("made by", "mode by"), data) ?? "", /comment .* was changed/);
});

test("each byte of a signature counts", () => {
  const [comment = "", first = "", trusted = "", second = ""] = good.split("\n");
  const lines = [comment, first, trusted, second];
  for (const [line, length] of [
    [1, 74],
    [3, 64],
  ] as const) {
    for (let at = 0; at < length; at += 1) {
      const bytes = Buffer.from(lines[line] ?? "", "base64");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const changed = lines.with(line, bytes.toString("base64")).join("\n");
      assert.notEqual(judge(key.publicKey, changed, data), undefined, `byte ${at} of line ${line}`);
    }
  }
});

test("what is no signature, or one of the old kind, is said to be so", () => {
  for (const text of ["", "untrusted comment: x\n", good.replace("trusted comment: ", "comment: "), `${good}\nmore`]) {
    assert.match(whyNot(text), /no signature of minisign/);
  }
  const lines = good.split("\n");
  const old = Buffer.from(lines[1] ?? "", "base64");
  old.write("Ed");
  assert.match(whyNot(lines.with(1, old.toString("base64")).join("\n")), /old format/);
});

test("what is no public key is none", () => {
  const { publicKey } = key;
  assert.notEqual(parsePublicKey(`untrusted comment: minisign public key\n${publicKey}\n`), undefined);
  for (const text of ["", "RWQ", `${publicKey}A`, `X${publicKey.slice(1)}`, `${publicKey}\n${publicKey}`]) {
    assert.equal(parsePublicKey(text), undefined, text);
  }
});

test("minisign's own signatures hold here, and its own verdict on ours is the same", { skip }, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "minisign-"));
  const file = join(dir.path, "file");
  await writeFile(file, data);
  const minisign = (...args: string[]) => run("minisign", args, { cwd: dir.path });
  await minisign("-G", "-W", "-p", "real.pub", "-s", "real.key");
  await minisign("-S", "-s", "real.key", "-m", "file", "-t", "from minisign");
  const publicKey = await readFile(join(dir.path, "real.pub"), "utf8");
  assert.equal(judge(publicKey, await readFile(`${file}.minisig`, "utf8"), data), undefined);

  await writeFile(`${file}.minisig`, good);
  await minisign("-V", "-m", "file", "-P", key.publicKey);
  await writeFile(file, "something else");
  await assert.rejects(minisign("-V", "-m", "file", "-P", key.publicKey), { code: "TOOL_FAILED" });
});
