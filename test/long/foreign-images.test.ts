import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { asBangerError } from "../../src/lib/errors.ts";
import { run } from "../../src/lib/process.ts";
import { importToExt4 } from "../helpers/imported-image.ts";
import { importReference, TestLayout } from "../helpers/test-layout.ts";
import { differences, listFolder, listTree, unpackWithUmoci, type Listing } from "../helpers/tree-listing.ts";
import { foreignFixtures, type Fixture } from "./foreign-packages.ts";
import { DISAGREEMENTS } from "./disagreements.ts";
import { libarchiveDifferences, libarchiveListing } from "./libarchive-listing.ts";

const skip = process.getuid?.() === 0 ? false : "umoci keeps owners and devices as root only";
/** More is shown of nothing. */
const MAX_LINES = 6;

/** Archives and layouts that others test with: what banger makes of each is what umoci and libarchive make of it. */
suite("images and archives of other projects", { skip }, async () => {
  const fixtures = await foreignFixtures();

  test("there are as many as there should be", () => {
    assert.ok(fixtures.length >= 100, `${fixtures.length} fixtures`);
  });

  for (const fixture of fixtures) {
    test(fixture.name, async (context) => {
      const found = fixture.kind === "layout" ? await compareLayout(fixture.path) : await compareArchive(fixture);
      const known = DISAGREEMENTS.filter(({ name }) => name.test(fixture.name));
      for (const { reason } of known) context.diagnostic(reason);
      const unknown = found.filter((line) => !known.some(({ says }) => says.test(line)));
      assert.deepEqual(unknown.slice(0, MAX_LINES), []);
    });
  }

  test("each known disagreement is about one of them", () => {
    const idle = DISAGREEMENTS.filter(({ name }) => !fixtures.some((fixture) => name.test(fixture.name)));
    assert.deepEqual(idle, []);
  });
});

/** An archive is compared as a layer, and as an image where it is one. */
async function compareArchive({ path }: Fixture): Promise<string[]> {
  const data = await readFile(path);
  const tar = data[0] === 0x1f && data[1] === 0x8b ? gunzipSync(data) : data;
  await using layout = await TestLayout.make([{ tar }]);
  const found = [
    ...(await compareWithUmoci(layout.folder, "latest")).map((line) => `layer: ${line}`),
    ...(await compareWithLibarchive(layout.folder, path)).map((line) => `libarchive: ${line}`),
  ];
  for (const kind of ["docker-archive", "oci-archive"] as const) {
    if (tar.includes(kind === "docker-archive" ? '"RepoTags"' : '"imageLayoutVersion"'))
      found.push(...(await compareSaved(kind, path, tar)).map((line) => `${kind}: ${line}`));
  }
  return found;
}

async function compareWithLibarchive(folder: string, archive: string): Promise<string[]> {
  const ours = await outcome(() => ourListing(folder));
  const theirs = await outcome(() => libarchiveListing(archive));
  return bothOrNeither(ours, theirs) ?? libarchiveDifferences(valueOf(ours), valueOf(theirs));
}

/** An archive of an image: skopeo makes a layout of it, for umoci and for us; and our own reading must be the same. */
async function compareSaved(kind: "docker-archive" | "oci-archive", path: string, tar: Buffer): Promise<string[]> {
  const work = await mkdtemp(join(tmpdir(), "banger-foreign-"));
  try {
    const layout = join(work, "layout");
    const ours = await outcome(async () => {
      const { root, sink } = await importReference({ kind, path, name: undefined });
      return listTree(root, (inode) => sink.contentOf(inode));
    });
    const theirs = await outcome(async () => {
      // Not every skopeo reads one that is packed.
      const plain = join(work, "image.tar");
      await writeFile(plain, tar);
      await run("skopeo", ["copy", "--quiet", `${kind}:${plain}`, `oci:${layout}:latest`], { timeoutMs: 300_000 });
      return ourListing(layout);
    });
    const found = bothOrNeither(ours, theirs) ?? differences(valueOf(ours), valueOf(theirs));
    return "value" in theirs ? [...found, ...(await compareWithUmoci(layout, "latest"))] : found;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Each manifest that a layout names, by itself: umoci takes one by a name that is its alone. */
async function compareLayout(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const [n, entry] of (await namedIn(folder)).entries()) {
    const work = await mkdtemp(join(tmpdir(), "banger-foreign-"));
    try {
      await cp(folder, work, { recursive: true });
      await chmod(work, 0o700);
      await rm(join(work, "index.json"), { force: true });
      const annotations = { "org.opencontainers.image.ref.name": "latest" };
      await writeFile(
        join(work, "index.json"),
        JSON.stringify({ schemaVersion: 2, manifests: [{ ...entry, annotations }] }),
      );
      found.push(...(await compareWithUmoci(work, "latest")).map((line) => `${n}: ${line}`));
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  return found;
}

/** What a layout's index names, once each; nothing where it does not read. */
async function namedIn(folder: string): Promise<readonly { readonly digest: string }[]> {
  const text = await readFile(join(folder, "index.json"), "utf8").catch(() => "");
  try {
    const { manifests = [] } = JSON.parse(text) as { readonly manifests?: readonly { readonly digest: string }[] };
    return [...new Map(manifests.map((entry) => [entry.digest, entry])).values()];
  } catch {
    await assert.rejects(ourListing(folder));
    return [];
  }
}

/** An image of a layout, by umoci and by us; and what we write of it is sound. */
async function compareWithUmoci(folder: string, name: string): Promise<string[]> {
  const work = await mkdtemp(join(tmpdir(), "banger-foreign-"));
  try {
    const began = BigInt(Date.now() - 1000) * 1_000_000n;
    const ours = await outcome(() => ourListing(folder, name));
    const theirs = await outcome(async () =>
      listFolder(await unpackWithUmoci(`${folder}:${name}`, join(work, "bundle"))),
    );
    const refusal = bothOrNeither(ours, theirs);
    if ("value" in ours) await checkVolume(folder, name);
    if (refusal !== undefined) return refusal;
    const [own, other] = [valueOf(ours), valueOf(theirs)];
    for (const [path, entry] of other) {
      // Nobody described it: umoci leaves the time of unpacking on it.
      const mine = own.get(path);
      if (mine !== undefined && BigInt(entry.mtime) >= began) other.set(path, { ...entry, mtime: mine.mtime });
    }
    return differences(own, other);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function ourListing(folder: string, name?: string): Promise<Listing> {
  const { root, sink } = await importReference({ kind: "oci", path: folder, name });
  return listTree(root, (inode) => sink.contentOf(inode));
}

async function checkVolume(folder: string, name: string): Promise<void> {
  await using image = await importToExt4(folder, {}, name);
  await image.assertClean();
}

type Outcome<T> = { readonly value: T } | { readonly refused: string };

async function outcome<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const { code, message } = asBangerError(error);
    return { refused: `${code}: ${message}`.slice(0, 300) };
  }
}

/** What is to be said where not both have read it; undefined where both have. */
function bothOrNeither(ours: Outcome<unknown>, theirs: Outcome<unknown>): string[] | undefined {
  if ("refused" in ours) return "refused" in theirs ? [] : [`ours refuses: ${ours.refused}`];
  return "refused" in theirs ? [`theirs refuses: ${theirs.refused}`] : undefined;
}

function valueOf<T>(result: Outcome<T>): T {
  if ("refused" in result) throw new Error(result.refused);
  return result.value;
}
