import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { importLayers } from "../helpers/test-layout.ts";
import { listTree, type Listing } from "../helpers/tree-listing.ts";
import { libarchiveDifferences, libarchiveListing } from "./libarchive-listing.ts";

const archive = (
  change: Partial<{ uid: number; mode: number; content: string; target: string; extra: string }>,
): Buffer => {
  const { uid = 1, mode = 0o644, content = "x", target = "there", extra } = change;
  const tar = new TarBuilder().dir("d").file("d/f\u0007", content, { uid, mode }).symlink("l", target);
  return (extra === undefined ? tar : tar.file(extra)).end();
};

async function ours(tar: Buffer): Promise<Listing> {
  const { root, sink } = await importLayers([tar]);
  return listTree(root, (inode) => sink.contentOf(inode));
}

test("the comparison with libarchive passes what is the same, and sees each thing that differs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "banger-foreign-"));
  try {
    const path = join(folder, "a.tar");
    await writeFile(path, archive({}));
    const theirs = await libarchiveListing(path);
    assert.deepEqual(libarchiveDifferences(await ours(archive({})), theirs), []);
    for (const [change, says] of [
      [{ uid: 2 }, /uid: ours 2, theirs 1/],
      [{ mode: 0o600 }, /mode: ours 600, theirs 644/],
      [{ content: "y" }, /content/],
      [{ target: "here" }, /target: ours here, theirs there/],
      [{ extra: "more" }, /"more": only in ours/],
    ] as const) {
      assert.match(libarchiveDifferences(await ours(archive(change)), theirs).join("\n"), says);
    }
    assert.match(libarchiveDifferences(await ours(new TarBuilder().end()), theirs).join("\n"), /"l": only in theirs/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
