import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { layoutFrom } from "../../../model/layout.ts";
import { BlobStore } from "../../../oci/layers/blob-store.ts";
import { openStore } from "../../store.ts";
import { pruneBlobs } from "./image-blobs.ts";

const DAY_MS = 24 * 3600 * 1000;

test("layers that no image holds go after a day, and nothing that is no layer", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "banger-blobs-"));
  const layout = layoutFrom({ HOME: home });
  await mkdir(layout.stateDir, { recursive: true });
  const store = openStore(layout.database);
  t.after(() => {
    store[Symbol.dispose]();
    return rm(home, { recursive: true });
  });
  const folder = join(layout.blobsDir, "sha256");
  await mkdir(folder, { recursive: true });
  await mkdir(join(layout.blobsDir, "mine"));
  const layers = ["0".repeat(64), `${"1".repeat(64)}.partial`];
  const foreign = ["sha256/thesis", "mine/thesis", `sha256/${"2".repeat(64)}/thesis`, "sha256/folder/thesis"];
  for (const name of ["2".repeat(64), "folder"]) await mkdir(join(folder, name));
  for (const name of layers) await writeFile(join(folder, name), "x");
  for (const name of foreign) await writeFile(join(layout.blobsDir, name), "dear");
  await symlink("nowhere", join(folder, "3".repeat(64)));
  const later = Date.now() + 10 * DAY_MS;
  const between = new Date(later - 2 * DAY_MS);
  for (const name of [...layers, "thesis", "2".repeat(64), "folder", "../mine/thesis"]) {
    await utimes(join(folder, name), between, between);
  }
  const context = { store, layout, blobs: new BlobStore(layout.blobsDir) };
  assert.equal(await pruneBlobs(context, later), 2);
  assert.deepEqual((await readdir(folder)).toSorted(), ["2".repeat(64), "3".repeat(64), "folder", "thesis"]);
  assert.deepEqual(await readdir(join(layout.blobsDir, "mine")), ["thesis"]);
});
