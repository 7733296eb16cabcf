import assert from "node:assert/strict";
import { existsSync, lstatSync } from "node:fs";
import { chmod, mkdir, readFile, readlink, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { BangerError } from "../../src/lib/errors.ts";
import { digestOf, WorkScene } from "../../src/nouns/workspaces/testing/work-scene.ts";
import { stageApply } from "../../src/nouns/workspaces/home/apply/apply-work.ts";
import {
  forgetPlaced,
  placeFiles,
  settlePlaced,
  stageFolder,
} from "../../src/nouns/workspaces/home/apply/place-files.ts";

const signal = AbortSignal.timeout(240_000);
let applies = 0;

/** Applies what the guest has now, as `workspace pull --apply` does. */
async function apply(scene: WorkScene): Promise<void> {
  const id = `ap-test${(applies += 1)}`;
  const { from, changes } = await scene.fetch();
  const { home } = scene;
  const repository = await scene.repository();
  try {
    const request = { repository, home, work: await scene.work(), from, changes, stage: stageFolder(scene.top, id) };
    await placeFiles(scene.top, id, await stageApply(request, signal), signal);
    await forgetPlaced(scene.top, id);
  } catch (error) {
    await settlePlaced(scene.top, id);
    throw error;
  }
}

/** Applies, is refused with these paths and reasons, and leaves the work tree as it was. */
async function conflicts(scene: WorkScene, wanted: Readonly<Record<string, RegExp>>): Promise<void> {
  const before = await digestOf(scene.top);
  await assert.rejects(apply(scene), (error) => {
    assert.ok(error instanceof BangerError);
    assert.equal(error.code, "WORKSPACE_CONFLICT", error.message);
    const told = error.data["conflicts"] as readonly { readonly path: string; readonly why: string }[];
    assert.deepEqual(told.map(({ path }) => path).toSorted(), Object.keys(wanted).toSorted());
    for (const { path, why } of told) assert.match(why, wanted[path] ?? /^$/);
    return true;
  });
  assert.equal(await digestOf(scene.top), before, "something was applied");
}

async function sentScene(): Promise<WorkScene> {
  const scene = await WorkScene.make();
  await scene.begin();
  await scene.write("gone", "gone\n");
  await scene.write("run", "#!/bin/sh\n");
  await scene.write("dir/x", "x\n");
  scene.git("add", ".");
  scene.git("commit", "-q", "-m", "second");
  await scene.send();
  return scene;
}

suite("work that is applied to the work tree", { timeout: 240_000 }, () => {
  test("comes with everything: new, changed, removed, modes, links, files that became folders", async () => {
    await using scene = await sentScene();
    const there = scene.copy;
    await scene.write("a", "one\ntwo\nthree\nfour\nFIVE\n", there);
    await scene.write("new/deep/file", "new\n", there);
    await scene.write("näme with\nline", "odd\n", there);
    await rm(join(there, "gone"));
    await chmod(join(there, "run"), 0o755);
    await symlink("a", join(there, "link"));
    await rm(join(there, "dir"), { recursive: true });
    await scene.write("dir", "a file now\n", there);
    await rm(join(there, "sub/b"));
    await mkdir(join(there, "sub/b"));
    await scene.write("sub/b/inside", "inside\n", there);
    scene.guestGit("add", "-A");
    scene.guestGit("commit", "-q", "-m", "all");
    await scene.write("a", "ONE\ntwo\nthree\nfour\nFIVE\n", there);
    await scene.write("mine", "untracked of the user's\n");
    await apply(scene);
    assert.equal(await scene.read("a"), "ONE\ntwo\nthree\nfour\nFIVE\n");
    assert.equal(await scene.read("new/deep/file"), "new\n");
    assert.equal(await scene.read("näme with\nline"), "odd\n");
    assert.ok(!existsSync(join(scene.top, "gone")));
    assert.equal(lstatSync(join(scene.top, "run")).mode & 0o777, 0o755);
    assert.equal(await readlink(join(scene.top, "link")), "a");
    assert.equal(await scene.read("dir"), "a file now\n");
    assert.equal(await scene.read("sub/b/inside"), "inside\n");
    assert.equal(await scene.read("mine"), "untracked of the user's\n");
    assert.equal(scene.git("rev-list", "--count", "HEAD").trim(), "2", "no commit is made");
    const { changes } = await scene.fetch();
    assert.ok(changes.length > 0);
    const before = await digestOf(scene.top);
    await apply(scene);
    assert.equal(await digestOf(scene.top), before, "what is there already is not done again");
  });

  test("is merged with what was changed here meanwhile, in other places", async () => {
    await using scene = await sentScene();
    await scene.write("a", "one\ntwo\nthree\nfour\nFIVE\n", scene.copy);
    await scene.write("a", "ONE\ntwo\nthree\nfour\nfive\n");
    await scene.write("sub/b", "mine\n");
    await chmod(join(scene.copy, "run"), 0o755);
    await scene.write("run", "#!/bin/sh\necho mine\n");
    await apply(scene);
    assert.equal(await scene.read("a"), "ONE\ntwo\nthree\nfour\nFIVE\n");
    assert.equal(await scene.read("sub/b"), "mine\n");
    assert.equal(await scene.read("run"), "#!/bin/sh\necho mine\n");
    assert.equal(lstatSync(join(scene.top, "run")).mode & 0o777, 0o755);
  });

  test("keeps what was not committed here and was sent along", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.write("a", "not committed\n");
    await scene.send();
    scene.guestGit("commit", "-q", "-a", "-m", "the user's own change, committed there");
    await scene.write("sub/b", "guest\n", scene.copy);
    await apply(scene);
    assert.equal(await scene.read("a"), "not committed\n");
    assert.equal(await scene.read("sub/b"), "guest\n");
  });

  test("lines end as they do here", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    scene.git("config", "core.autocrlf", "true");
    await scene.write("dos.txt", "one\r\ntwo\r\n");
    scene.git("add", ".");
    scene.git("commit", "-q", "-m", "dos");
    await scene.send();
    await scene.write("dos.txt", "one\r\ntwo\r\nthree\r\n", scene.copy);
    await apply(scene);
    assert.equal(await scene.read("dos.txt"), "one\r\ntwo\r\nthree\r\n");
  });

  test("is refused with each file that stands in the way, and none of it is applied", async () => {
    await using scene = await sentScene();
    const there = scene.copy;
    await scene.write("a", "guest\n", there);
    await scene.write("a", "here\n");
    await rm(join(there, "gone"));
    await scene.write("gone", "changed here\n");
    await scene.write("sub/b", "guest\n", there);
    await rm(join(scene.top, "sub/b"));
    await scene.write("both", "guest\n", there);
    await scene.write("both", "here\n");
    await scene.write("fine", "fine\n", there);
    await rm(join(there, "dir"), { recursive: true });
    await scene.write("dir", "a file\n", there);
    await rm(join(scene.top, "run"));
    await mkdir(join(scene.top, "run"));
    await scene.write("run/other", "other\n");
    await chmod(join(there, "run"), 0o755);
    await conflicts(scene, {
      a: /same place/,
      gone: /changed here, removed there/,
      "sub/b": /removed here, changed there/,
      both: /made here and there/,
      run: /removed here, changed there/,
    });
  });

  test("a folder that would have to go and holds something else stands in the way", async () => {
    await using scene = await sentScene();
    await rm(join(scene.copy, "dir"), { recursive: true });
    await scene.write("dir", "a file\n", scene.copy);
    await scene.write("dir/mine", "untracked\n");
    await scene.write("a", "guest\n", scene.copy);
    await conflicts(scene, { dir: /other files/ });
  });

  test("nothing is written through a link of the user's, nor over what is no file", async () => {
    await using scene = await sentScene();
    const outside = join(scene.folder, "outside");
    await mkdir(outside);
    await symlink(outside, join(scene.top, "out"));
    await scene.write("out/marker", "guest\n", scene.copy);
    await conflicts(scene, { "out/marker": /out is no folder here/ });
    assert.ok(!existsSync(join(outside, "marker")));
  });

  test("links of a guest's that lead out of the tree are refused by name", async () => {
    await using scene = await sentScene();
    for (const [at, target] of [
      ["evil", "/etc/passwd"],
      ["sub/evil", "../../x"],
      ["evil2", "sub/../../x"],
    ] as const) {
      await symlink(target, join(scene.copy, at));
      await assert.rejects(apply(scene), { code: "WORKSPACE_REFUSED", data: { paths: [at] } });
      await rm(join(scene.copy, at));
    }
    await symlink("../a", join(scene.copy, "sub/fine"));
    await apply(scene);
    assert.equal(await readlink(join(scene.top, "sub/fine")), "../a");
  });

  test("files that go through a filter are left alone", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.write(".gitattributes", "*.bin filter=lfs\n");
    await scene.write("x.bin", "pointer\n");
    scene.git("add", ".");
    scene.git("commit", "-q", "-m", "lfs");
    await scene.send();
    await scene.write("x.bin", "other pointer\n", scene.copy);
    await conflicts(scene, { "x.bin": /filter/ });
  });

  test("one that is cut off at any step is put back, and a finished one is not", async () => {
    await using scene = await sentScene();
    const there = scene.copy;
    await scene.write("a", "guest\n", there);
    await scene.write("new/deep/file", "new\n", there);
    await rm(join(there, "gone"));
    await rm(join(there, "dir"), { recursive: true });
    await scene.write("dir", "a file now\n", there);
    const { from, changes } = await scene.fetch();
    const repository = await scene.repository();
    const before = await contentsOf(scene);
    const id = "ap-cut";
    const stage = async (): Promise<Awaited<ReturnType<typeof stageApply>>> =>
      stageApply(
        { repository, home: scene.home, work: await scene.work(), from, changes, stage: stageFolder(scene.top, id) },
        signal,
      );
    await stage();
    assert.equal(await settlePlaced(scene.top, id), false);
    assert.deepEqual(await contentsOf(scene), before, "before any step");
    const staged = await stage();
    const total = staged.puts.length + staged.removals.length;
    assert.ok(total >= 5);
    for (let steps = 1; steps <= staged.puts.length; steps += 1) {
      // A file that is not there to be put stops it in the midst, as a full disk would.
      const again = steps === 1 ? staged : await stage();
      const missing = again.puts[steps - 1] ?? "";
      await rm(join(stageFolder(scene.top, id), Buffer.from(missing, "latin1").toString()));
      await assert.rejects(placeFiles(scene.top, id, again, signal), { code: "ENOENT" });
      await settlePlaced(scene.top, id);
      await settlePlaced(scene.top, id);
      assert.deepEqual(await contentsOf(scene), before, `cut off at file ${steps}`);
    }
    await placeFiles(scene.top, id, await stage(), signal);
    assert.equal(await settlePlaced(scene.top, id), true);
    assert.equal(await scene.read("dir"), "a file now\n");
    assert.ok(!existsSync(join(scene.top, `.banger-${id}`)));
  });
});

/** What git and the disk say of the work tree, without times. */
async function contentsOf(scene: WorkScene): Promise<readonly string[]> {
  const files = scene.git("ls-files", "-z", "--cached", "--others").split("\0").filter(Boolean);
  const read = files.map(async (path) => `${path}: ${await readFile(join(scene.top, path), "utf8").catch(String)}`);
  return [...(await Promise.all(read)), scene.git("status", "--porcelain", "--ignored")];
}
