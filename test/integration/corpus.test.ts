import assert from "node:assert/strict";
import { lstat, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { CORPUS, SMALL_FILES } from "../helpers/corpus.ts";
import { needsLoop, type TestImage } from "../helpers/ext4-image.ts";
import { importToExt4 } from "../helpers/imported-image.ts";
import { differences, listFolder, type Listing } from "../helpers/tree-listing.ts";
import { TIME_OF_UNPACKING, umociListing } from "../helpers/umoci-listing.ts";

/** What must be in an image for it to be worth its name. */
const HOLDS: Readonly<Record<string, (listing: Listing, image: TestImage) => unknown>> = {
  "Debian with a desktop's worth of packages": (listing) => {
    const entries = [...listing];
    const count = (is: (entry: (typeof entries)[number]) => boolean): number => entries.filter(is).length;
    assert.ok(entries.length > 40_000, `${entries.length} entries`);
    assert.ok(count(([, { type, mode }]) => type === "file" && /^4...$/.test(mode)) >= 8, "setuid");
    assert.ok(count(([, { type, mode }]) => type === "file" && /^2...$/.test(mode)) >= 4, "setgid");
    assert.ok(count(([, { xattrs }]) => xattrs.includes("security.capability")) >= 2, "capabilities");
    assert.ok(count(([, { type, links }]) => type === "file" && links > 1) >= 2, "hard links");
    assert.ok(count(([path]) => path.startsWith("etc/alternatives/")) >= 40, "alternatives");
    assert.ok(count(([, { type }]) => type === "char") >= 3, "devices");
  },
  [`${SMALL_FILES} small files`]: (listing) => assert.equal(listing.size, SMALL_FILES + SMALL_FILES / 500 + 2),
  "a sparse file of 6 GiB": async (_, image) => assert.ok((await stat(image.path)).blocks * 512 < 100 * 1024 ** 2),
  "no shell, in the manner of distroless": (listing) => {
    assert.ok([...listing.keys()].every((path) => !/(?:^|\/)(?:sh|bash|busybox)$/.test(path)));
  },
};

for (const member of CORPUS) {
  suite(member.name, { skip: needsLoop }, () => {
    let image: TestImage;
    let folder: string;
    const resources = new AsyncDisposableStack();

    before(async () => {
      ({ folder } = resources.use(await member.make()));
      image = resources.use(await importToExt4(folder));
    });
    after(() => resources.disposeAsync());

    test("e2fsck finds nothing to mend", () => image.assertClean());

    test("the kernel sees what umoci unpacks", async () => {
      const theirs = await umociListing(folder);
      await using mounted = await image.mount();
      const ours = await listFolder(mounted.folder);
      assert.ok(ours.delete("lost+found"));
      for (const [path, entry] of theirs) {
        const own = ours.get(path);
        if (entry.mtime === TIME_OF_UNPACKING && own !== undefined) theirs.set(path, { ...entry, mtime: own.mtime });
      }
      assert.deepEqual(differences(ours, theirs).slice(0, 50), []);
      await HOLDS[member.name]?.(ours, image);
    });

    test("the kernel writes to it and unmounts, and e2fsck finds nothing to mend", async () => {
      {
        await using mounted = await image.mount("rw");
        await change(mounted.folder);
      }
      await image.assertClean();
    });
  });
}

/** Adds, renames, overwrites and removes, in directories that the image has. */
async function change(root: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name !== "lost+found");
  for (const [n, name] of names.entries()) {
    const path = join(root, name);
    if (!(await lstat(path)).isDirectory()) continue;
    for (let i = 0; i < 300; i += 1) await writeFile(join(path, `new-${i}`), Buffer.alloc((i * 977) % 20_000, i));
    for (let i = 0; i < 300; i += 3) await rm(join(path, `new-${i}`));
    for (let i = 1; i < 300; i += 3) await rename(join(path, `new-${i}`), join(root, `moved-${n}-${i}`));
    await symlink("somewhere/".repeat(20), join(path, "new-link"));
  }
  const first = names[0];
  if (first !== undefined && names.length > 1) await rm(join(root, first), { recursive: true });
  await writeFile(join(root, "large"), Buffer.alloc(20 * 1024 ** 2, 7));
  assert.equal((await readFile(join(root, "large"))).length, 20 * 1024 ** 2);
}
