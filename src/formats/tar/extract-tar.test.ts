import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TarBuilder } from "../../../test/helpers/tar-builder.ts";
import { streamOf } from "../byte-reader.ts";
import { extractTar } from "./extract-tar.ts";

const signal = new AbortController().signal;
const END_BYTES = 1024;

async function extract(tar: Buffer, place: (path: string) => string | undefined = (path) => path) {
  const folder = await mkdtempDisposable(join(tmpdir(), "banger-extract-"));
  try {
    return { folder, written: await extractTar(streamOf(tar), "it", { targetDir: folder.path, place, signal }) };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

test("writes the files that are chosen, with their zeros as holes, and nothing of the rest", async () => {
  const large = Buffer.concat([Buffer.from("start"), Buffer.alloc(2 ** 20), Buffer.from("end")]);
  const tar = new TarBuilder().file("./a/one", "1").file("ümlaut", large).file("left/out", "3").end();
  const { folder, written } = await extract(tar, (path) => (path === "left/out" ? undefined : path));
  await using _ = folder;
  assert.deepEqual(written, ["a/one", "ümlaut"]);
  assert.deepEqual((await readdir(folder.path)).sort(), ["a", "ümlaut"]);
  assert.ok((await readFile(join(folder.path, "ümlaut"))).equals(large));
  assert.ok((await stat(join(folder.path, "ümlaut"))).blocks * 512 < large.length / 2);
});

const whole = new TarBuilder().file("a", "1").file("b/c", "2").end();
const refused: Readonly<Record<string, Buffer>> = {
  "one without the zeros that end it": whole.subarray(0, whole.length - END_BYTES),
  "one cut off within a header": whole.subarray(0, 700),
  "a file where a folder was": new TarBuilder().file("a/b", "1").file("a", "2").end(),
  "a folder where a file was": new TarBuilder().file("a", "1").file("a/b", "2").end(),
  "a name that no file can have": new TarBuilder().file(`${"long/".repeat(900)}a`, "1").end(),
};

test("the whole of what is cut below is taken", async () => {
  const { folder, written } = await extract(whole);
  await using _ = folder;
  assert.deepEqual(written, ["a", "b/c"]);
});

for (const [what, tar] of Object.entries(refused)) {
  test(`refuses ${what}`, async () => {
    await assert.rejects(extract(tar), { code: "ARCHIVE_INVALID" });
  });
}
