import assert from "node:assert/strict";
import { chmodSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { pathBelow } from "../../src/git/git-paths.ts";
import { readRepository } from "../../src/git/read-repository.ts";
import { REPOSITORIES } from "../../src/nouns/workspaces/testing/repositories.ts";
import { digestOf, gitIn, WorkScene } from "../../src/nouns/workspaces/testing/work-scene.ts";

const STATUS = ["status", "--porcelain=v2", "--branch"];

/**
 * What git says of a work tree: without what is untracked where that does not count, and without the remote's branch, which a
 * copy does not have.
 */
function statusOf(top: string, countsUntracked: boolean): readonly string[] {
  const untracked = countsUntracked ? "all" : "no";
  return gitIn(top, [...STATUS, `--untracked-files=${untracked}`])
    .split("\n")
    .filter((line) => !/^# branch\.(?:upstream|ab) /.test(line));
}

/** Tracked files by their paths: type, executable bit, and content or target. */
function filesOf(top: string): readonly string[] {
  const paths = gitIn(top, ["ls-files", "-z"]).split("\0").filter(Boolean);
  return [...new Set(paths)].map((path) => {
    const at = pathBelow(top, path);
    const stats = lstatSync(at, { throwIfNoEntry: false });
    const isLink = stats?.isSymbolicLink() === true;
    const content = isLink ? readlinkSync(at, "latin1") : stats?.isFile() === true ? readFileSync(at, "latin1") : "";
    return `${path}: ${stats === undefined ? "absent" : (stats.mode & (isLink ? 0o170_000 : 0o170_100)).toString(8)} ${content}`;
  });
}

suite("a copy of a work tree", { timeout: 300_000 }, () => {
  for (const { called, make, send, notes = /^$/, untracked } of REPOSITORIES) {
    test(`${called}: git says the same on both sides, and nothing of the user's is written`, async () => {
      await using scene = await WorkScene.make();
      const top = (await make(scene)) ?? scene.top;
      const before = statusOf(top, untracked === undefined);
      const digest = await digestOf(join(scene.folder, "host"));
      const sent = await scene.send(send, top);
      assert.equal(await digestOf(join(scene.folder, "host")), digest, "something of the user's was written");
      assert.match(sent.notes.join("\n"), notes);
      assert.deepEqual(statusOf(scene.copy, untracked === undefined), before);
      const listed = gitIn(top, ["rev-parse", "--show-toplevel"]).trim();
      assert.deepEqual(filesOf(scene.copy), filesOf(listed), "files have other bytes or modes");
      assert.equal(gitIn(scene.copy, ["fsck", "--strict", "--no-dangling"]), "");
      const { head, tree } = sent.sent;
      const log = ["--no-replace-objects", "log", "--format=%H %an %ae %at %s", "--"];
      if (head !== undefined && send?.shallow !== true) assert.equal(gitIn(scene.copy, log), gitIn(top, log));
      const fetched = await scene.fetch();
      assert.equal(fetched.now.tree, tree, "the guest's work tree is another than was sent");
      assert.deepEqual([fetched.changes, fetched.commits], [[], []]);
    });
  }

  test("the judge of bytes and modes sees both", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    await scene.send();
    assert.deepEqual(filesOf(scene.copy), filesOf(scene.top));
    chmodSync(join(scene.copy, "a"), 0o755);
    assert.notDeepEqual(filesOf(scene.copy), filesOf(scene.top));
    chmodSync(join(scene.copy, "a"), 0o644);
    await scene.write("a", "one\r\n", scene.copy);
    assert.notDeepEqual(filesOf(scene.copy), filesOf(scene.top));
  });

  test("the judge sees what was written, and a status that is not the same", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    const digest = await digestOf(join(scene.folder, "host"));
    await scene.send();
    await scene.write("a", "other\n", scene.copy);
    assert.notDeepEqual(statusOf(scene.copy, true), statusOf(scene.top, true));
    scene.git("update-ref", "refs/heads/x", "HEAD");
    assert.notEqual(await digestOf(join(scene.folder, "host")), digest);
  });

  test("a bare repository, and what is none, are refused", async () => {
    await using scene = await WorkScene.make();
    const signal = AbortSignal.timeout(30_000);
    await assert.rejects(readRepository(scene.top, signal), { code: "REPOSITORY_UNFIT" });
    scene.git("init", "-q", "--bare");
    await assert.rejects(readRepository(scene.top, signal), { code: "REPOSITORY_UNFIT", message: /bare/ });
    await assert.rejects(readRepository(join(scene.top, "none"), signal), { code: "PATH_NOT_FOUND" });
  });
});
