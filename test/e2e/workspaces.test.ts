import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Pulled, Pushed, WorkspaceView } from "../../src/model/workspace.ts";
import { digestOf, gitIn } from "../../src/nouns/workspaces/testing/work-scene.ts";
import { busyboxImage, debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

const STATUS = ["status", "--porcelain=v2", "--untracked-files=all"];

/** From a work tree into a real guest, and home again, as its user types it. */
suite("a workspace", { timeout: 1_200_000 }, () => {
  let host: TestHost;
  let top: string;
  const resources = new AsyncDisposableStack();

  before(async () => {
    host = resources.use(await TestHost.start());
    top = join(host.folder, "project");
    await host.ok(["kernel", "import", "generic", "--vmlinux", genericKernel()]);
    const reference = await debianImage("bookworm", ["git"]);
    await host.ok(["image", "pull", reference, "--name", "debian-git", "--kernel-ref", "generic"]);
    await makeProject(top);
  });
  after(() => resources.disposeAsync());

  const git = (...args: readonly string[]): string => gitIn(top, args);
  const inside = (...argv: readonly string[]): Promise<string> => host.ok(["workspace", "exec", "app", "--", ...argv]);
  const sh = (script: string): Promise<string> => inside("sh", "-c", script);
  const refused = async (args: readonly string[], code: number, says: RegExp): Promise<void> => {
    const result = await host.banger(args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
  };

  test("goes in with a VM of its own, and git says the same there", async () => {
    const digest = await digestOf(top);
    const made = await host.json<WorkspaceView>(["workspace", "create", top, "--image", "debian-git", "--name", "app"]);
    assert.deepEqual([made.path, made.vm.name, made.vmState, made.branch], ["/work/app", "app", "running", "main"]);
    assert.equal(await digestOf(top), digest, "the user's repository was written to");
    assert.equal(await inside("git", ...STATUS), git(...STATUS));
    assert.equal(await inside("git", "fsck", "--strict", "--no-dangling"), "");
    assert.equal(await inside("git", "log", "--format=%H %an"), git("log", "--format=%H %an"));
    assert.equal(await sh("pwd; readlink link; stat -c '%a %u' run"), "/work/app\na\n755 0\n");
    assert.match(await host.ok(["workspace", "list"]), /app +app \(running\) +\/work\/app/);
    assert.match(await host.ok(["workspace", "inspect", "app"]), /Came home: +nothing yet/);
    assert.equal(await host.ok(["workspace", "diff", "app"]), "", "what was sent is no change");
    assert.match(await host.ok(["workspace", "pull", "app"]), /Nothing is new/);
  });

  test("is refused where it cannot be, and nothing is left", async () => {
    await refused(["workspace", "create", top, "--vm", "app", "--name", "app"], 4, /NAME_TAKEN/);
    await refused(["workspace", "create", top, "--vm", "app", "--path", "/work/app"], 4, /FILE_EXISTS/);
    await refused(["workspace", "create", host.folder, "--vm", "app"], 2, /REPOSITORY_UNFIT/);
    await refused(["workspace", "create", top], 2, /--vm.*--image/);
    await refused(["workspace", "inspect", "none"], 3, /WORKSPACE_NOT_FOUND/);
    await refused(["vm", "delete", "app"], 4, /VM_WRONG_STATE|VM_IN_USE/);
    assert.equal((await host.json<WorkspaceView[]>(["workspace", "list"])).length, 1);
    assert.equal((await readdir(join(host.folder, ".local/share/banger/workspaces"))).length, 1);
    assert.deepEqual(await readdir(join(host.folder, ".local/share/banger/work")), []);
    assert.equal(await sh("ls -A /work"), "app\n");
  });

  test("its commits and changes come home as a branch, a patch, and a log", async () => {
    await sh("git -c user.name=Bob -c user.email=bob@example.org commit -qam 'the guest did it' && echo new > new");
    assert.match(await host.ok(["workspace", "log", "app"]), /Author: Bob <bob@example.org>[^]*the guest did it/);
    assert.match(await host.ok(["workspace", "diff", "app", "--stat"]), /new \| 1 \+/);
    const pulled = await host.json<Pulled>(["workspace", "pull", "app"]);
    assert.deepEqual([pulled.branch, pulled.commits, pulled.files], ["banger/app", 1, ["new"]]);
    assert.equal(
      git("log", "-2", "--format=%an: %s", "banger/app"),
      "Ada: Uncommitted work in workspace app\nBob: the guest did it\n",
    );
    assert.equal(git("show", "banger/app:new"), "new\n");
    await refused(["workspace", "pull", "app", "--branch", "main"], 4, /checked out/);
    await host.ok(["workspace", "pull", "app", "--patch", "app.patch"]);
    assert.match(await readFile(join(host.folder, "app.patch"), "utf8"), /^diff --git a\/new b\/new/);
    await refused(["workspace", "pull", "app", "--patch", "app.patch"], 4, /FILE_EXISTS/);
    assert.equal(git("fsck", "--strict", "--no-dangling"), "");
  });

  test("its changes are applied, or told file by file", async () => {
    await sh("echo other > other; echo guest > b");
    await writeFile(join(top, "b"), "here\n");
    await refused(["workspace", "pull", "app", "--apply"], 4, /WORKSPACE_CONFLICT[^]*b: changed here and there/);
    assert.ok(!existsSync(join(top, "other")));
    git("checkout", "-q", "b");
    const pulled = await host.json<Pulled>(["workspace", "pull", "app", "--apply"]);
    assert.ok(pulled.applied);
    assert.equal(await readFile(join(top, "other"), "utf8"), "other\n");
    assert.equal(await readFile(join(top, "b"), "utf8"), "guest\n");
    assert.equal(await readFile(join(top, "a"), "utf8"), "changed\n", "what was not committed here is still there");
  });

  test("newer commits of the host's go in", async () => {
    git("stash", "-q", "-u");
    await writeFile(join(top, "later"), "later\n");
    git("add", "later");
    git("commit", "-q", "-m", "later");
    const first = await host.json<Pushed>(["workspace", "push", "app"]);
    assert.deepEqual([first.forwarded, first.commits, first.ref], [false, 1, "host/main"]);
    await sh("git add -A && git -c user.name=B -c user.email=b@b commit -qm more");
    await sh("git -c user.name=B -c user.email=b@b merge -q --no-edit host/main && cat later");
    const { commits } = await host.json<Pulled>(["workspace", "pull", "app", "--branch", "merged"]);
    assert.equal(commits, 3, "what was pushed is none of the guest's");
    git("merge", "-q", "--ff-only", "merged");
    git("commit", "-q", "--allow-empty", "-m", "last");
    assert.ok((await host.json<Pushed>(["workspace", "push", "app"])).forwarded);
    assert.equal(await inside("git", "rev-parse", "HEAD"), git("rev-parse", "HEAD"));
    assert.match(await host.ok(["workspace", "pull", "app"]), /Nothing is new/);
  });

  test("a daemon that is killed in the middle leaves nothing half done", async () => {
    await sh("echo killed > killed");
    const dies = async (point: string, args: readonly string[]): Promise<void> => {
      await host.ok(["daemon", "stop"]);
      await host.ok(["daemon", "start"], { env: { BANGER_FAULT: `${point}=kill` } });
      assert.notEqual((await host.banger(args)).code, 0, point);
    };
    const create = ["workspace", "create", top, "--vm", "app", "--name", "second"];
    for (const point of [
      "workspace.create/begun",
      "place/staged",
      "place/published",
      "workspace/created",
      "workspace.create/undone",
    ]) {
      await dies(point, point.endsWith("undone") ? [...create, "--path", "/work/app"] : create);
      assert.equal((await host.json<WorkspaceView[]>(["workspace", "list"])).length, 1, point);
      assert.equal((await readdir(join(host.folder, ".local/share/banger/workspaces"))).length, 1, point);
      assert.deepEqual(await readdir(join(host.folder, ".local/share/banger/work")), [], point);
      await sh("rm -rf /work/second /work/.second.*");
    }
    await writeFile(join(top, "killed"), "the host's own\n");
    await dies("workspace.apply/undone", ["workspace", "pull", "app", "--apply"]);
    assert.equal(await readFile(join(top, "killed"), "utf8"), "the host's own\n");
    await rm(join(top, "killed"));
    for (const point of ["workspace.apply/begun", "workspace.apply/done", "workspace/pulled"]) {
      await dies(point, ["workspace", "pull", "app", "--apply"]);
      const left = (await readdir(top)).filter((name) => name.startsWith(".banger"));
      assert.deepEqual(left, [], point);
    }
    assert.equal(await readFile(join(top, "killed"), "utf8"), "killed\n");
    await host.ok(["workspace", "pull", "app", "--apply"]);
    await sh("rm killed");
    for (const point of ["workspace.create/done", "workspace/filled"]) {
      await dies(point, create);
      assert.equal((await host.json<WorkspaceView[]>(["workspace", "list"])).length, 2, point);
      await host.ok(["workspace", "delete", "second"]);
    }
    for (const point of ["workspace.delete/begun", "workspace/deleted", "workspace.delete/done"]) {
      await host.ok(create);
      await dies(point, ["workspace", "delete", "second"]);
      assert.equal((await host.json<WorkspaceView[]>(["workspace", "list"])).length, 1, point);
      assert.equal(await sh("ls -A /work"), "app\n", point);
    }
    await dies("workspace/pushed", ["workspace", "push", "app"]);
    await host.ok(["workspace", "push", "app"]);
  });

  test("is deleted when nothing is lost, and not before", async () => {
    await sh("echo precious > precious");
    await refused(["workspace", "delete", "app"], 4, /WORKSPACE_UNPULLED[^]*precious/);
    await refused(["workspace", "delete", "app"], 4, /--force/);
    await host.ok(["workspace", "pull", "app", "--branch", "saved"]);
    assert.equal(git("show", "saved:precious"), "precious\n");
    await host.ok(["vm", "stop", "app"]);
    await refused(["vm", "delete", "app"], 4, /VM_IN_USE.*\n.*workspace app/);
    await refused(["workspace", "delete", "app"], 4, /WORKSPACE_WRONG_STATE/);
    await refused(["workspace", "diff", "app"], 4, /VM_WRONG_STATE/);
    await host.ok(["vm", "start", "app"]);
    await host.ok(["workspace", "delete", "app"]);
    assert.equal(await host.ok(["vm", "exec", "app", "--", "ls", "-A", "/work"]), "");
    assert.deepEqual(await readdir(join(host.folder, ".local/share/banger/workspaces")), []);
    await host.ok(["vm", "delete", "--force", "app"]);
  });

  test("needs git in the guest, and takes a VM back that was made for it", async () => {
    await using busybox = await busyboxImage();
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    await refused(["workspace", "create", top, "--image", "busybox", "--name", "none"], 7, /GUEST_LACKS_GIT/);
    assert.deepEqual(await host.json<unknown[]>(["vm", "list"]), []);
  });
});

/** A repository with what is staged, changed, untracked and ignored. */
async function makeProject(top: string): Promise<void> {
  await mkdir(top);
  const git = (...args: readonly string[]): string => gitIn(top, args);
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.org");
  await writeFile(join(top, "a"), "a\n");
  await writeFile(join(top, "b"), "b\n");
  await writeFile(join(top, "run"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(top, ".gitignore"), "*.log\n");
  await symlink("a", join(top, "link"));
  git("add", ".");
  git("commit", "-q", "-m", "first");
  await writeFile(join(top, "a"), "changed\n");
  await writeFile(join(top, "staged"), "staged\n");
  git("add", "staged");
  await writeFile(join(top, "x.log"), "ignored\n");
  execFileSync("sync");
}
