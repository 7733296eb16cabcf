import assert from "node:assert/strict";
import { test } from "node:test";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { at, importLayers } from "../helpers/test-layout.ts";

const tar = (): TarBuilder => new TarBuilder();

/** Names below the root after all layers, directories with a slash at their end. */
async function paths(...layers: readonly TarBuilder[]): Promise<string[]> {
  const { root } = await importLayers(layers.map((layer) => layer.end()));
  const found: string[] = [];
  const open: [string, typeof root][] = [["", root]];
  for (const [path, directory] of open) {
    for (const [name, inode] of directory.entries) {
      found.push(path + name + (inode.type === "directory" ? "/" : ""));
      if (inode.type === "directory") open.push([`${path}${name}/`, inode]);
    }
  }
  return found.sort();
}

for (const name of [".wh.", ".wh..", ".wh...", "a/.wh.", "a/.wh..", "a/.wh..."]) {
  test(`a whiteout of nothing is refused: ${name}`, async () => {
    await expectCode(paths(tar().file("a/b"), tar().file(name)), "LAYER_INVALID", /whiteout of no name/);
  });
}

test("a directory whose name begins with .wh. is refused", async () => {
  await expectCode(paths(tar().file(".wh.dir/file")), "LAYER_INVALID", /begins with \.wh\./);
});

test("what aufs noted for itself is passed over", async () => {
  const layer = tar()
    .dir(".wh..wh.plnk")
    .file(".wh..wh.plnk/12.34", "x")
    .file(".wh..wh.aufs")
    .dir(".wh..wh.orph")
    .file("kept");
  assert.deepEqual(await paths(tar().file("lower"), layer), ["kept", "lower"]);
});

test("an opaque whiteout clears the layers below, whatever its place in its own", async () => {
  const lower = tar().file("d/low").file("d/sub/low").file("d/sub/both");
  const expected = ["d/", "d/after", "d/before", "d/sub/", "d/sub/both"];
  const before = tar().file("d/.wh..wh..opq").file("d/before").file("d/sub/both", "new").file("d/after");
  const after = tar().file("d/before").file("d/sub/both", "new").file("d/after").file("d/.wh..wh..opq");
  assert.deepEqual(await paths(lower, before), expected);
  assert.deepEqual(await paths(lower, after), expected);
});

test("an opaque whiteout at the root, and where no layer has the directory", async () => {
  assert.deepEqual(await paths(tar().file("low"), tar().file("up").file(".wh..wh..opq")), ["low", "up"].slice(1));
  assert.deepEqual(await paths(tar().file("low"), tar().file("new/.wh..wh..opq").file("new/x")), [
    "low",
    "new/",
    "new/x",
  ]);
  assert.deepEqual(await paths(tar().file(".wh..wh..opq").file("x")), ["x"]);
});

test("a whiteout hides the layers below, and not the entry of its own layer", async () => {
  const lower = tar().file("d/low").file("f", "low");
  for (const upper of [tar().file(".wh.f").file("f", "new"), tar().file("f", "new").file(".wh.f")]) {
    const { root, sink } = await importLayers([lower.end(), upper.end()]);
    assert.equal(sink.contentOf(at(root, "f")).toString(), "new");
  }
  assert.deepEqual(await paths(lower, tar().file("d/new").file(".wh.d")), ["d/", "d/new", "f"]);
  assert.deepEqual(await paths(lower, tar().file(".wh.d").file("d/new")), ["d/", "d/new", "f"]);
});

test("a whiteout in the lowest layer, and of what is not there, changes nothing", async () => {
  assert.deepEqual(await paths(tar().file("f").file(".wh.f").file(".wh.g").file("no/.wh.x")), ["f"]);
  assert.deepEqual(await paths(tar().file("f"), tar().file(".wh.g").file("f/.wh.x").file("no/where/.wh.x")), ["f"]);
});

test("a whiteout whose directory is described after it", async () => {
  const upper = tar().file("d/e/.wh.gone").file("d/e/new").dir("d/e").dir("d");
  assert.deepEqual(await paths(tar().file("d/e/gone").file("d/e/kept"), upper), ["d/", "d/e/", "d/e/kept", "d/e/new"]);
  assert.deepEqual(await paths(tar().file("x"), upper), ["d/", "d/e/", "d/e/new", "x"]);
});

test("a whiteout of a link removes the link, not what it leads to", async () => {
  const lower = tar().file("real/f").symlink("link", "real").symlink("out", "/../../real");
  assert.deepEqual(await paths(lower, tar().file(".wh.link").file(".wh.out")), ["real/", "real/f"]);
});

test("a whiteout through a link stays inside the image", async () => {
  const lower = tar().file("etc/f").file("etc/g").symlink("local", "/../../etc");
  assert.deepEqual(await paths(lower, tar().file("local/.wh.f")), ["etc/", "etc/g", "local"]);
});

test("a whiteout of one name leaves the others of the same inode", async () => {
  const { root } = await importLayers([
    tar().file("a", "x").hardlink("b", "a").end(),
    tar().hardlink("c", "a").file(".wh.a").end(),
  ]);
  assert.deepEqual([...root.entries.keys()], ["b", "c"]);
  assert.equal(at(root, "b")?.links, 2);
});

test("a whiteout with a body, or of another type", async () => {
  const upper = tar()
    .file(".wh.f", "a body")
    .add({ name: ".wh.g", type: "2", linkname: "x" })
    .dir(".wh.d")
    .file("after", "y");
  assert.deepEqual(await paths(tar().file("f").file("g").file("d/x"), upper), ["after"]);
});

test("overlayfs' own marks do not get into a guest", async () => {
  const lower = tar().file("hidden", "x").file("other", "x");
  const upper = tar()
    .add({ name: "hidden", type: "3", devmajor: 0, devminor: 0 })
    .add({ name: "never-there", type: "3", devmajor: 0, devminor: 0 })
    .add({ name: "null", type: "3", devmajor: 1, devminor: 3 })
    .pax([
      ["SCHILY.xattr.trusted.overlay.opaque", "y"],
      ["SCHILY.xattr.user.overlay.redirect", "/etc"],
      ["SCHILY.xattr.trusted.kept", "1"],
    ])
    .dir("d");
  const { root } = await importLayers([lower.end(), upper.end()]);
  assert.deepEqual([...root.entries.keys()], ["other", "null", "d"]);
  assert.deepEqual([...(at(root, "d")?.xattrs?.keys() ?? [])], ["trusted.kept"]);
});

test("layers of layers: hidden, back, hidden again", async () => {
  const layers = [
    tar().file("d/x", "1"),
    tar().file(".wh.d"),
    tar().file("d/y", "2"),
    tar().file("d/.wh.y").file("d/z"),
  ];
  assert.deepEqual(await paths(...layers), ["d/", "d/z"]);
});
