import assert from "node:assert/strict";
import { test } from "node:test";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { at, importLayers, type TestImport } from "../helpers/test-layout.ts";

const tar = (): TarBuilder => new TarBuilder();
const one = (builder: TarBuilder): Promise<TestImport> => importLayers([builder.end()]);
const invalid = async (builder: TarBuilder, says: RegExp): Promise<void> => {
  await expectCode(one(builder), "LAYER_INVALID", says);
};
const tooLarge = async (builder: TarBuilder, says: RegExp): Promise<void> => {
  await expectCode(one(builder), "LAYER_TOO_LARGE", says);
};

for (const path of ["../x", "/../x", "a/../../x", "a/../x", "..", "a/.."]) {
  test(`a path with .. is refused: ${path}`, () => invalid(tar().file(path, "x"), /\.\./));
  test(`a link by such a name too: ${path}`, () => invalid(tar().symlink(path, "/etc"), /\.\./));
}

test("an absolute path means the image's root", async () => {
  const { root, sink } = await one(tar().file("/etc//./x", "x"));
  assert.equal(sink.contentOf(at(root, "etc/x")).toString(), "x");
});

for (const path of ["", ".", "./", "/", "/.", ".//"]) {
  test(`a directory called "${path}" describes the root`, async () => {
    const { root } = await one(tar().dir(path, { mode: 0o711, uid: 7, mtime: 99 }));
    assert.deepEqual([root.mode, root.uid, root.mtimeSeconds, root.entries.size], [0o711, 7, 99, 0]);
  });
  test(`nothing else called "${path}" stands in its place`, async () => {
    await invalid(tar().add({ name: path, type: "6" }), /root/);
    await invalid(tar().symlink(path, "/host"), /root/);
    await invalid(tar().hardlink(path, "x"), /root/);
    await invalid(tar().file(path), /root/);
  });
}

test("bytes of a name stay as they are", async () => {
  const names = [
    Buffer.from([0xff, 0xfe, 0x80]),
    Buffer.from("new\nline"),
    Buffer.from("back\\slash"),
    Buffer.from("ü"),
  ];
  const builder = tar();
  for (const name of names) builder.file(name, "x");
  const { root } = await one(builder);
  assert.deepEqual(
    [...root.entries.keys()],
    names.map((name) => name.toString("latin1")),
  );
});

test("a NUL in a PAX path", () =>
  invalid(
    tar()
      .pax([["path", "a\0b"]])
      .file("x"),
    /NUL/,
  ));

test("a name of 255 bytes is taken, one of 256 is not", async () => {
  await one(tar().long("n".repeat(255)).file("x"));
  await tooLarge(tar().long("n".repeat(256)).file("x"), /256 bytes/);
  await tooLarge(
    tar()
      .pax([["path", `a/${"n".repeat(256)}/b`]])
      .file("x"),
    /256 bytes/,
  );
});

const pathOf = (length: number): string => "d/".repeat(length / 2 - 1) + "f".repeat(2 - (length % 2));

test("a path of 4,096 bytes is taken, a longer one is not", async () => {
  assert.equal(pathOf(4096).length, 4096);
  await one(tar().long(pathOf(4096)).file("x"));
  await tooLarge(
    tar()
      .long(`${pathOf(4096)}f`)
      .file("x"),
    /4097 bytes/,
  );
});

test("a path 5,000 deep", () => tooLarge(tar().long("d/".repeat(5000)).dir("x"), /10000 bytes/));

test("nesting that grows through links is bounded", () => {
  const builder = tar();
  const deep = "d/".repeat(1500);
  builder.long(deep).dir("x");
  builder.long(deep, "K").symlink("l", "x");
  return tooLarge(builder.long(`l/${deep}`).dir("x"), /nested/);
});

test("a name that ends in a slash is a directory where the type is V7's, as for Go's archive/tar", async () => {
  const { root, sink } = await one(
    tar()
      .file("a/", "content")
      .file("b/", "", { format: "v7", type: "\0" })
      // A directory has no content, whatever its size says; where one stands there, it is passed over.
      .file("c/", "", { format: "v7", type: "\0", size: 1 })
      .file("d/", "x", { format: "v7", type: "\0" })
      .file("last", "y"),
  );
  assert.equal(sink.contentOf(at(root, "a")).toString(), "content");
  for (const path of ["b", "c", "d"]) assert.equal(at(root, path)?.type, "directory", path);
  assert.equal(sink.contentOf(at(root, "last")).toString(), "y");
});

test("a link in a parent leads inside the image, never out of it", async () => {
  const { root, sink } = await one(
    tar()
      .symlink("pwn", "/host/dir")
      .file("pwn/f", "f")
      .symlink("up", "../../../../..")
      .file("up/g", "g")
      .symlink("a", "b")
      .symlink("b", "c/./../c")
      .dir("c")
      .file("a/h", "h"),
  );
  assert.equal(sink.contentOf(at(root, "host/dir/f")).toString(), "f");
  assert.equal(sink.contentOf(at(root, "g")).toString(), "g");
  assert.equal(sink.contentOf(at(root, "c/h")).toString(), "h");
  assert.equal(at(root, "pwn")?.type, "symlink");
});

test("a link to a name that no entry may have", async () => {
  await invalid(tar().symlink("l", ".wh.x").file("l/f"), /begins with \.wh\./);
  await tooLarge(tar().long("n".repeat(300), "K").symlink("l", "x").file("l/f"), /300 bytes/);
  await one(tar().symlink("l", ".wh.x"));
});

test("links that lead in a circle", async () => {
  await invalid(tar().symlink("a", "b").symlink("b", "a").file("a/f"), /symbolic links/);
  await invalid(tar().symlink("a", "a").file("a/f"), /symbolic links/);
});

const chain = (links: number): TarBuilder => {
  const builder = tar().dir("end");
  for (let i = 0; i < links; i++) builder.symlink(`l${i}`, i === 0 ? "end" : `l${i - 1}`);
  return builder.file(`l${links - 1}/f`);
};

test("as many links on a path as Linux follows, and no more", async () => {
  assert.ok(at((await one(chain(40))).root, "end/f"));
  await invalid(chain(41), /40 symbolic links/);
});

test("a parent that is a file", () => invalid(tar().file("f", "x").file("f/g", "x"), /a file stands/));

test("a link to nothing, and one that is too long", async () => {
  await invalid(tar().symlink("l", ""), /to nothing/);
  await tooLarge(tar().long("t".repeat(4096), "K").symlink("l", "x"), /4096 bytes/);
});

test("hard links are resolved inside the image", async () => {
  const { root } = await one(
    tar()
      .file("etc/passwd", "root")
      .symlink("way", "etc")
      .hardlink("a", "/etc/passwd")
      .hardlink("b", "../../../../etc/passwd")
      .hardlink("c", "way/passwd")
      .hardlink("none/of/these", "./etc/passwd")
      .hardlink("link", "way"),
  );
  const inode = at(root, "etc/passwd");
  for (const name of ["a", "b", "c", "none/of/these"]) assert.equal(at(root, name), inode);
  assert.equal(inode?.links, 5);
  assert.equal(at(root, "link"), at(root, "way"));
});

test("a hard link has nothing of its own but its name", async () => {
  const { root, sink } = await one(
    tar()
      .file("f", "content", { mode: 0o600, uid: 1, mtime: 5 })
      .pax([["SCHILY.xattr.user.own", "x"]])
      .hardlink("l", "f", { mode: 0o777, uid: 99, mtime: 77 }),
  );
  const inode = at(root, "l");
  assert.deepEqual([inode?.mode, inode?.uid, inode?.mtimeSeconds, inode?.xattrs], [0o600, 1, 5, undefined]);
  assert.equal(sink.contentOf(inode).toString(), "content");
});

test("a hard link with a body, and one with a size and none", async () => {
  const body = "a body that is no header".repeat(40);
  for (const builder of [
    tar().file("f", "x").add({ name: "l", type: "1", linkname: "f", content: body }).file("after", "y"),
    tar().file("f", "x").add({ name: "l", type: "1", linkname: "f", size: 1000 }).file("after", "y"),
  ]) {
    const { root, sink } = await one(builder);
    assert.equal(at(root, "l"), at(root, "f"));
    assert.equal(sink.contentOf(at(root, "after")).toString(), "y");
  }
});

test("hard links that cannot be", async () => {
  await invalid(tar().hardlink("l", "missing"), /not there/);
  await invalid(tar().hardlink("l", "later").file("later", "x"), /not there/);
  await invalid(tar().hardlink("l", "l"), /not there/);
  await invalid(tar().file("f", "x").hardlink("f", "./f"), /itself/);
  await invalid(tar().dir("d").hardlink("l", "d"), /directory/);
  await invalid(tar().dir("d").hardlink("l", "d/.."), /directory/);
  await invalid(tar().hardlink("l", "/"), /directory/);
  await invalid(tar().hardlink("l", ""), /directory/);
  await invalid(tar().file("f").hardlink("l", "f/g"), /not there/);
});

test("a hard link in the place of a directory that held its target", async () => {
  const { root } = await one(tar().file("d/f", "x").hardlink("d", "d/f"));
  assert.deepEqual([at(root, "d")?.type, at(root, "d")?.links], ["file", 1]);
});

test("the error names the layer, the entry and the reason", async () => {
  const good = tar().file("fine").end();
  const bad = tar().file("etc/\u{7f}bad/../x").end();
  const error = await expectCode(importLayers([good, bad]), "LAYER_INVALID");
  assert.match(error.message, /^layer 2 \([0-9a-f]{12}\).*entry "etc\/\\x7fbad\/\.\.\/x": its path contains \.\./);
});
