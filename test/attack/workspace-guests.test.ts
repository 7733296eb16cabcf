import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { deflateSync } from "node:zlib";
import { createHash } from "node:crypto";
import { bringBranch } from "../../src/git/bring-branch.ts";
import type { GuestSide } from "../../src/nouns/workspaces/guest/guest-side.ts";
import { gitIn, WorkScene } from "../../src/nouns/workspaces/testing/work-scene.ts";

const signal = AbortSignal.timeout(280_000);
const REFUSED = { code: "WORKSPACE_REFUSED" };

/** A scene that was sent, with the path of a file that no guest may ever make on the host. */
async function hostile(): Promise<{ readonly scene: WorkScene; readonly marker: string } & AsyncDisposable> {
  const scene = await WorkScene.make();
  await scene.begin();
  await scene.send();
  return { scene, marker: join(scene.folder, "marker"), [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() };
}

/** Everything that a user does with what came, short of checking it out. */
async function bringAll(scene: WorkScene): Promise<void> {
  const fetched = await scene.fetch();
  const { now } = fetched;
  const commit = await scene.homeAs().text(["commit-tree", fetched.tree, "-p", now.head ?? "", "-m", "x"], { signal });
  const have = [scene.git("rev-parse", "HEAD").trim()];
  await bringBranch(await scene.repository(), scene.home, { branch: "guest", commit, have }, signal);
  for await (const _chunk of scene.home.stream(["diff", "--no-ext-diff", "--no-textconv", fetched.from, fetched.tree], {
    signal,
  }));
}

/** A guest that sends these objects, whatever it is asked for, and says that they are its work. */
function sending(scene: WorkScene, pack: Buffer, tree: string, head?: string): GuestSide {
  return {
    ...scene.side,
    run: async (command) =>
      command.argv[0] === "sh"
        ? { status: 0, stdout: Buffer.from(`tree ${tree}\n${head === undefined ? "" : `head ${head}\n`}`), said: "" }
        : { status: 1, stdout: Buffer.alloc(0), said: "" },
    async *stream() {
      yield pack;
    },
  };
}

type Raw = readonly [type: "commit" | "tree" | "blob", content: Buffer];
const TYPES = { commit: 1, tree: 2, blob: 3 } as const;

function idOf([type, content]: Raw): string {
  return createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest("hex");
}

/** A pack of any objects (gitformat-pack(5)), right in form whatever is in them. */
function packOf(objects: readonly Raw[]): Buffer {
  const head = Buffer.alloc(12);
  head.write("PACK");
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(objects.length, 8);
  const parts = objects.flatMap(([type, content]) => {
    const bytes: number[] = [];
    let [size, first] = [Math.floor(content.length / 16), (TYPES[type] << 4) | (content.length % 16)];
    for (; size > 0; size = Math.floor(size / 128)) {
      bytes.push(first | 0x80);
      first = size % 128;
    }
    return [Buffer.from([...bytes, first]), deflateSync(content)];
  });
  const all = Buffer.concat([head, ...parts]);
  return Buffer.concat([all, createHash("sha1").update(all).digest()]);
}

function treeOf(entries: readonly (readonly [mode: string, name: string, id: string])[]): Raw {
  return [
    "tree",
    Buffer.concat(
      entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(id, "hex")]),
    ),
  ];
}

const BLOB: Raw = ["blob", Buffer.from("x\n")];

suite("a hostile guest", { timeout: 300_000 }, () => {
  test("nothing that its settings and hooks name is run on the host", async () => {
    await using made = await hostile();
    const { scene, marker } = made;
    const run = `touch ${marker}`;
    await scene.write(".git/program", `#!/bin/sh\n[ -n "$BANGER_IN_GUEST" ] || ${run}\ncat\n`, scene.copy);
    await chmod(join(scene.copy, ".git/program"), 0o755);
    await scene.write(".gitattributes", "* filter=evil diff=evil merge=evil textconv=evil\n", scene.copy);
    await scene.write(
      ".git/config-evil",
      `[core]\n\tpager = ${run}\n\tsshCommand = ${run}\n\teditor = ${run}\n[diff "evil"]\n\ttextconv = ${run}\n\tcommand = ${run}\n[uploadpack]\n\tpackObjectsHook = ${run}\n[alias]\n\tdiff = !${run}\n`,
      scene.copy,
    );
    scene.guestGit("config", "include.path", "config-evil");
    for (const hook of [
      "post-checkout",
      "post-index-change",
      "reference-transaction",
      "pre-commit",
      "post-update",
      "update",
    ]) {
      // The guest's own git may run it, in the guest.
      await scene.write(
        `.git/hooks/${hook}`,
        `#!/bin/sh\ncase $PWD in ${scene.copy}*) ;; *) ${run} ;; esac\n`,
        scene.copy,
      );
      await chmod(join(scene.copy, `.git/hooks/${hook}`), 0o755);
    }
    await scene.write("a", "changed\n", scene.copy);
    await bringAll(scene);
    scene.git("merge", "-q", "guest");
    assert.equal(await scene.read("a"), "changed\n");
    assert.ok(!existsSync(marker));
  });

  test("its file system monitor and filters, as the user's own names for them, are not run either", async () => {
    await using scene = await WorkScene.make();
    await scene.begin();
    const marker = join(scene.folder, "marker");
    await scene.write(".git/program", `#!/bin/sh\ntouch ${marker}\ncat\n`);
    await chmod(join(scene.top, ".git/program"), 0o755);
    await mkdir(join(scene.top, ".git/hooks"), { recursive: true });
    await scene.write(".git/hooks/post-index-change", `#!/bin/sh\ntouch ${marker}\n`);
    await scene.write(".git/hooks/reference-transaction", `#!/bin/sh\ntouch ${marker}\n`);
    for (const hook of ["post-index-change", "reference-transaction"])
      await chmod(join(scene.top, ".git/hooks", hook), 0o755);
    const program = join(scene.top, ".git/program");
    scene.git("config", "filter.own.clean", program);
    scene.git("config", "filter.own.smudge", program);
    scene.git("config", "filter.own.required", "true");
    scene.git("config", "diff.own.textconv", program);
    scene.git("config", "core.fsmonitor", program);
    await rm(marker, { force: true });
    await scene.write("a", "changed here\n");
    await scene.send();
    await scene.write(".gitattributes", "* filter=own diff=own\n", scene.copy);
    await scene.write("new", "new\n", scene.copy);
    await bringAll(scene);
    assert.ok(!existsSync(marker), "a program of the user's settings was run");
    scene.git("status");
    assert.ok(existsSync(marker), "the judge: git by itself runs them");
  });

  for (const [called, name] of [
    [".git", ".git"],
    [".git in another case", ".gIt"],
    [".git by its short name", "git~1"],
    [".git with what HFS+ passes over", ".g\u200cit"],
    ["the folder above", ".."],
    ["this folder", "."],
    ["a path in a name", "../../../../tmp/escaped"],
    ["a path from the root", "/tmp/escaped"],
    ["nothing", ""],
  ] as const) {
    test(`a tree that names ${called} is refused`, async () => {
      await using made = await hostile();
      const { scene } = made;
      const inner = treeOf([["100644", "config", idOf(BLOB)]]);
      const outer = treeOf([["40000", Buffer.from(name).toString("latin1"), idOf(inner)]]);
      const side = sending(scene, packOf([BLOB, inner, outer]), idOf(outer));
      await assert.rejects(scene.fetch({ side }), REFUSED);
      const plain = treeOf([["40000", "fine", idOf(inner)]]);
      const { changes } = await scene.fetch({ side: sending(scene, packOf([BLOB, inner, plain]), idOf(plain)) });
      assert.ok(
        changes.some(({ path }) => path === "fine/config"),
        "the judge lets others pass",
      );
    });
  }

  test("a name that is a link and a folder at once is refused", async () => {
    await using made = await hostile();
    const { scene } = made;
    const link: Raw = ["blob", Buffer.from("/tmp")];
    const inner = treeOf([["100644", "escaped", idOf(BLOB)]]);
    const both = treeOf([
      ["120000", "a", idOf(link)],
      ["40000", "a", idOf(inner)],
    ]);
    const side = sending(scene, packOf([BLOB, link, inner, both]), idOf(both));
    await assert.rejects(scene.fetch({ side }), REFUSED);
  });

  test("a submodule whose address is an option or a program is refused", async () => {
    await using made = await hostile();
    const { scene, marker } = made;
    for (const url of [`--upload-pack=touch ${marker}`, `-u./x`]) {
      const modules: Raw = ["blob", Buffer.from(`[submodule "x"]\n\tpath = x\n\turl = ${url}\n`)];
      const tree = treeOf([["100644", ".gitmodules", idOf(modules)]]);
      const side = sending(scene, packOf([modules, tree]), idOf(tree));
      await assert.rejects(scene.fetch({ side }), REFUSED, url);
    }
    const modules: Raw = ["blob", Buffer.from('[submodule "../../x"]\n\tpath = x\n\turl = x\n')];
    const tree = treeOf([["100644", ".gitmodules", idOf(modules)]]);
    await assert.rejects(scene.fetch({ side: sending(scene, packOf([modules, tree]), idOf(tree)) }), REFUSED);
    assert.ok(!existsSync(marker));
  });

  test("objects that are not what they say, or not there, are refused", async () => {
    await using made = await hostile();
    const { scene } = made;
    const tree = treeOf([["100644", "a", idOf(BLOB)]]);
    const lacking = sending(scene, packOf([tree]), idOf(tree));
    await assert.rejects(scene.fetch({ side: lacking }), REFUSED, "a file that it names is not there");
    const other = sending(scene, packOf([BLOB, tree]), idOf(BLOB));
    await assert.rejects(scene.fetch({ side: other }), REFUSED, "its tree is a file");
    const none = sending(scene, packOf([BLOB, tree]), "1".repeat(40));
    await assert.rejects(scene.fetch({ side: none }), REFUSED, "its tree is not there");
    const commit: Raw = ["commit", Buffer.from(`tree ${idOf(tree)}\nauthor x\ncommitter x\n\nx`)];
    const odd = sending(scene, packOf([BLOB, tree, commit]), idOf(tree), idOf(commit));
    await assert.rejects(scene.fetch({ side: odd }), REFUSED, "its commit is none");
    const pack = packOf([BLOB, tree]);
    for (const cut of [0, 5, 12, pack.length - 30, pack.length - 1]) {
      const side = sending(scene, pack.subarray(0, cut), idOf(tree));
      await assert.rejects(scene.fetch({ side }), REFUSED, `cut off after ${cut} bytes`);
    }
    const flipped = Buffer.from(pack);
    flipped[20] = (flipped[20] ?? 0) ^ 0xff;
    await assert.rejects(scene.fetch({ side: sending(scene, flipped, idOf(tree)) }), REFUSED);
    assert.ok((await scene.fetch({ side: sending(scene, pack, idOf(tree)) })).changes.length > 0, "the judge");
  });

  test("little that becomes much is refused: files of zeros, and trees that name one another", async () => {
    await using made = await hostile();
    const { scene } = made;
    const zeros: Raw = ["blob", Buffer.alloc(120 * 1024 ** 2)];
    const withZeros = treeOf([["100644", "zeros", idOf(zeros)]]);
    const pack = packOf([zeros, withZeros]);
    assert.ok(pack.length < 1024 ** 2);
    await assert.rejects(scene.fetch({ side: sending(scene, pack, idOf(withZeros)) }), {
      ...REFUSED,
      message: /zeros/,
    });
    const levels: Raw[] = [treeOf([["100644", "f", idOf(BLOB)]])];
    for (let level = 0; level < 8; level += 1) {
      const below = idOf(levels.at(-1) ?? BLOB);
      levels.push(treeOf(Array.from({ length: 10 }, (_none, n) => ["40000", `d${n}`, below] as const)));
    }
    const side = sending(scene, packOf([BLOB, ...levels]), idOf(levels.at(-1) ?? BLOB));
    await assert.rejects(scene.fetch({ side }), { ...REFUSED, message: /unfolds/ });
  });

  test("a header that promises more objects than are taken is refused before they come", async () => {
    await using made = await hostile();
    const { scene } = made;
    const pack = packOf([BLOB]);
    pack.writeUInt32BE(5_000_000, 8);
    const tree = treeOf([["100644", "a", idOf(BLOB)]]);
    await assert.rejects(scene.fetch({ side: sending(scene, pack, idOf(tree)) }), { ...REFUSED, message: /5000000/ });
  });

  test("what it says of itself is held against what ids are", async () => {
    await using made = await hostile();
    const { scene } = made;
    for (const tree of ["", "HEAD", "--upload-pack=x", "../../x", `${"a".repeat(39)}\u0000`, "a".repeat(41)]) {
      await assert.rejects(scene.fetch({ side: sending(scene, packOf([]), tree) }), { code: "GUEST_GIT_FAILED" }, tree);
      await assert.rejects(
        scene.fetch({ side: sending(scene, packOf([]), "a".repeat(40), tree || " ") }),
        { code: "GUEST_GIT_FAILED" },
        tree,
      );
    }
  });

  test("its alternates and links in .git lead nowhere on the host", async () => {
    await using made = await hostile();
    const { scene } = made;
    const secret = join(scene.folder, "secret");
    await mkdir(secret);
    gitIn(secret, ["init", "-q", "-b", "main"]);
    await scene.write("s", "secret\n", secret);
    gitIn(secret, ["add", "."]);
    gitIn(secret, ["commit", "-q", "-m", "secret"]);
    const id = gitIn(secret, ["rev-parse", "HEAD"]).trim();
    await scene.write(".git/objects/info/alternates", `${secret}/.git/objects\n`, scene.copy);
    await rm(join(scene.copy, ".git/refs/heads/main"), { force: true });
    await symlink(join(secret, ".git/refs/heads/main"), join(scene.copy, ".git/refs/heads/main"));
    // A real guest has no such folder: it can only say what it does not have.
    const side: GuestSide = { ...sending(scene, packOf([]), gitIn(secret, ["rev-parse", "HEAD^{tree}"]).trim(), id) };
    await assert.rejects(scene.fetch({ side }), REFUSED);
  });
});
