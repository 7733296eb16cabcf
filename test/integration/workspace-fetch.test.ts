import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { bringBranch } from "../../src/git/bring-branch.ts";
import { digestOf, gitIn, WorkScene } from "../../src/nouns/workspaces/testing/work-scene.ts";

const signal = AbortSignal.timeout(240_000);

suite("what a guest has done", { timeout: 240_000 }, () => {
  test("commits come home as they are, with what is not committed as a tree", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.write("a", "changed here before\n");
    await scene.send();
    scene.guestGit("commit", "-q", "-a", "-m", "guest's word\n\nand more", "--author", "Bob <bob@example.org>");
    await scene.write("new/file", "new\n", scene.copy);
    const digest = await digestOf(join(scene.folder, "host"));
    const { commits, changes, now, hasUncommitted, tree } = await scene.fetch();
    assert.equal(await digestOf(join(scene.folder, "host")), digest, "fetching writes nothing of the user's");
    assert.deepEqual(
      changes.map(({ path, before, after }) => [path, before?.mode, after?.mode]),
      [["new/file", undefined, "100644"]],
      "what was sent is no change",
    );
    assert.ok(hasUncommitted);
    assert.deepEqual(commits, [now.head]);
    const repository = await scene.repository();
    const commit = await scene.homeAs().text(["commit-tree", tree, "-p", now.head ?? "", "-m", "rest"], { signal });
    const have = [scene.git("rev-parse", "HEAD").trim()];
    await bringBranch(repository, scene.home, { branch: "guest", commit, have }, signal);
    assert.equal(
      scene.git("log", "-1", "--format=%an %ae %B", "guest~1"),
      "Bob bob@example.org guest's word\n\nand more\n\n",
    );
    assert.equal(scene.git("show", "guest:new/file"), "new\n");
    assert.equal(scene.git("show", "guest:a"), "changed here before\n");
    assert.equal(scene.git("fsck", "--strict", "--no-dangling"), "");
    assert.equal(scene.git("status", "--porcelain"), " M a\n", "the work tree is as it was");
  });

  test("what is ignored stays in the guest", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.write(".gitignore", "*.log\n");
    scene.git("add", ".");
    await scene.send();
    await scene.write("x.log", "ignored\n", scene.copy);
    assert.deepEqual((await scene.fetch()).changes, []);
    const later = await scene.fetch({ committedOnly: true });
    assert.deepEqual([later.changes, later.hasUncommitted], [[], true]);
  });

  test("committed work alone comes where that is asked", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.send();
    await scene.write("a", "committed\n", scene.copy);
    scene.guestGit("commit", "-q", "-a", "-m", "c");
    await scene.write("sub/b", "not committed\n", scene.copy);
    assert.deepEqual(
      (await scene.fetch({ committedOnly: true })).changes.map(({ path }) => path),
      ["a"],
    );
    assert.deepEqual(
      (await scene.fetch()).changes.map(({ path }) => path),
      ["a", "sub/b"],
    );
  });

  test("a branch moves on where it led there, and stays where it did not, or is checked out", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.send();
    const repository = await scene.repository();
    const have = [scene.git("rev-parse", "HEAD").trim()];
    const commit = async (content: string): Promise<string> => {
      await scene.write("a", content, scene.copy);
      scene.guestGit("commit", "-q", "-a", "-m", content);
      return (await scene.fetch()).now.head ?? "";
    };
    const bring = (id: string, branch: string): Promise<void> =>
      bringBranch(repository, scene.home, { branch, commit: id, have }, signal);
    await bring(await commit("1"), "guest");
    const second = await commit("2");
    await bring(second, "guest");
    assert.equal(scene.git("rev-parse", "guest").trim(), second);
    scene.guestGit("reset", "-q", "--hard", "HEAD~2");
    const other = await commit("other");
    await assert.rejects(bring(other, "guest"), { code: "BRANCH_TAKEN" });
    await assert.rejects(bring(other, "main"), { code: "BRANCH_TAKEN", message: /checked out/ });
    for (const name of ["a..b", "-x", "x.lock", "a b", "", "@{", "refs/../x"]) {
      await assert.rejects(bring(other, name), { code: "BAD_REQUEST" }, name);
    }
    assert.equal(scene.git("rev-parse", "guest").trim(), second);
  });

  test("work of a repository without any commit comes home, too", async () => {
    await using scene = await WorkScene.make();
    scene.git("init", "-q", "-b", "main");
    await scene.send();
    await scene.write("first", "first\n", scene.copy);
    const before = await scene.fetch();
    assert.deepEqual([before.commits, before.changes.length], [[], 1]);
    scene.guestGit("add", ".");
    scene.guestGit("commit", "-q", "-m", "first");
    const { now, commits } = await scene.fetch();
    assert.equal(commits.length, 1);
    await bringBranch(
      await scene.repository(),
      scene.home,
      { branch: "guest", commit: now.head ?? "", have: [] },
      signal,
    );
    assert.equal(scene.git("show", "guest:first"), "first\n");
  });

  test("what does not go through is left nowhere", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.send();
    const packs = join(scene.home.place.cwd, "objects/pack");
    const before = await readdir(packs);
    await scene.write("large", Buffer.alloc(300_000, 1), scene.copy);
    const refused = { code: "WORKSPACE_REFUSED", message: /large/ };
    await assert.rejects(scene.fetch({ maxFileBytes: 100_000 }), refused);
    scene.guestGit("add", ".");
    scene.guestGit("commit", "-q", "-m", "large");
    await rm(join(scene.copy, "large"));
    scene.guestGit("commit", "-q", "-a", "-m", "gone");
    await assert.rejects(scene.fetch({ maxFileBytes: 100_000 }), refused, "a file of the history counts, too");
    assert.deepEqual(await readdir(packs), before);
    assert.equal((await scene.fetch()).commits.length, 2, "it comes where that much is allowed");
    assert.ok((await readdir(packs)).length > before.length);
  });

  test("what was sent is known when the user's repository has forgotten it", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.write("a", "staged\n");
    scene.git("add", "a");
    const id = scene.git("rev-parse", ":a").trim();
    await scene.send();
    scene.git("reset", "-q", "--hard");
    scene.git("prune", "--expire=now");
    assert.throws(() => scene.git("cat-file", "-e", id), "the judge: it is gone");
    await scene.write("a", "staged\nand more\n", scene.copy);
    const { from, tree } = await scene.fetch();
    const patch = await scene.home.text(["diff", from, tree], { signal });
    assert.match(patch, /^ staged\n\+and more$/m);
  });

  test("the copy of a shallow one sends no more than what is new", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.write("a", "second\n");
    scene.git("commit", "-q", "-a", "-m", "second");
    await scene.send({ shallow: true });
    await scene.write("a", "third\n", scene.copy);
    scene.guestGit("commit", "-q", "-a", "-m", "third");
    const { now, commits } = await scene.fetch();
    assert.equal(commits.length, 1);
    const have = [scene.git("rev-parse", "HEAD").trim()];
    await bringBranch(await scene.repository(), scene.home, { branch: "guest", commit: now.head ?? "", have }, signal);
    assert.equal(gitIn(scene.top, ["rev-list", "--count", "guest"]).trim(), "3");
    assert.equal(scene.git("fsck", "--strict", "--no-dangling"), "");
  });
});
