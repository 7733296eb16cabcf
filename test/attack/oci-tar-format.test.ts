import assert from "node:assert/strict";
import { test } from "node:test";
import { expectCode } from "../helpers/expect-code.ts";
import { base256, paxRecord, TarBuilder, tarHeader } from "../helpers/tar-builder.ts";
import { at, importLayers, sha256, type TestImport } from "../helpers/test-layout.ts";

const tar = (): TarBuilder => new TarBuilder();
const one = (builder: TarBuilder): Promise<TestImport> => importLayers([builder.end()]);
const invalid = async (builder: TarBuilder, says: RegExp): Promise<void> => {
  await expectCode(one(builder), "LAYER_INVALID", says);
};
const tooLarge = async (builder: TarBuilder, says: RegExp): Promise<void> => {
  await expectCode(one(builder), "LAYER_TOO_LARGE", says);
};
const octal = (text: string): Buffer => Buffer.from(text.padEnd(12, "\0"), "latin1");

test("a PAX size beats the header's", async () => {
  const builder = tar()
    .pax([["size", "5"]])
    .add({ name: "f", content: "hello", size: 0 })
    .file("after", "x");
  const { root, sink } = await one(builder);
  assert.equal(sink.contentOf(at(root, "f")).toString(), "hello");
  assert.equal(sink.contentOf(at(root, "after")).toString(), "x");
});

test("the same PAX keyword again: the last one counts", async () => {
  const { root } = await one(
    tar()
      .pax([
        ["path", "first"],
        ["path", "last"],
        ["mtime", "1"],
        ["mtime", "2.5"],
      ])
      .file("x"),
  );
  assert.deepEqual([...root.entries.keys()], ["last"]);
  assert.deepEqual([at(root, "last")?.mtimeSeconds, at(root, "last")?.mtimeNanoseconds], [2, 500_000_000]);
});

test("an empty PAX value takes the record away", async () => {
  const { root } = await one(
    tar()
      .pax([
        ["path", "pax"],
        ["path", ""],
        ["uid", ""],
        ["mtime", ""],
      ])
      .file("header", "", { uid: 3, mtime: 9 }),
  );
  assert.deepEqual([at(root, "header")?.uid, at(root, "header")?.mtimeSeconds], [3, 9]);
});

for (const [what, body] of [
  ["a length that is too long", "99 path=a\n"],
  ["a length that is too short", "6 path=a\n"],
  ["no length", "path=a\n"],
  ["a length of zero", "0 path=a\n"],
  ["a negative length", "-9 path=a\n"],
  ["a length of many digits", "0000000000000000000009 path=a\n"],
  ["no newline at its end", "9 path=ab"],
  ["no equals sign", "9 path_a\n"],
  ["no keyword", "5 =a\n"],
  ["bytes after the last record", `${paxRecord("path", "a").toString()}junk`],
  ["a NUL after its end", `${paxRecord("path", "a").toString()}\0`],
] as const) {
  test(`a PAX record with ${what}`, () =>
    invalid(tar().add({ name: "x", type: "x", content: body }).file("f"), /PAX record/));
}

test("which name counts: a sparse file's, GNU's, PAX', the header's", async () => {
  const pax = [
    ["path", "pax"],
    ["linkpath", "pax-link"],
  ] as const;
  const { root } = await one(tar().pax(pax).long("gnu").long("gnu-link", "K").symlink("header", "header-link"));
  assert.deepEqual([...root.entries.keys()], ["gnu"]);
  const link = at(root, "gnu");
  assert.equal(link?.type === "symlink" && link.target, "gnu-link");
});

test("a global header is checked, and has no effect", async () => {
  const { root } = await one(
    tar()
      .pax(
        [
          ["path", "global"],
          ["size", "99"],
          ["uid", "7"],
          ["comment", "x"],
        ],
        "g",
      )
      .file("f", "content"),
  );
  assert.deepEqual([...root.entries.keys()], ["f"]);
  assert.equal(at(root, "f")?.uid, 0);
  await invalid(tar().add({ name: "g", type: "g", content: "nonsense" }).file("f"), /PAX record/);
});

test("numbers in PAX that are none", async () => {
  for (const size of ["-1", "1e3", "0x10", " 5", "99999999999999999999", "9007199254740993", "NaN"]) {
    await invalid(
      tar()
        .pax([["size", size]])
        .file("f"),
      /size/,
    );
  }
  for (const time of ["NaN", "inf", "", "1e9", "1.2.3", "--1", "99999999999999999999"].filter((t) => t !== "")) {
    await invalid(
      tar()
        .pax([["mtime", time]])
        .file("f"),
      /mtime/,
    );
  }
  await invalid(
    tar()
      .pax([["uid", "4294967296"]])
      .file("f"),
    /uid/,
  );
  await invalid(
    tar()
      .pax([["gid", "-1"]])
      .file("f"),
    /gid/,
  );
});

test("times: before 1970, past 2446, with fractions of any length", async () => {
  const { root } = await one(
    tar()
      .pax([["mtime", "-1.25"]])
      .file("before")
      .pax([["mtime", "-0.5"]])
      .file("just-before")
      .pax([["mtime", "253402300800.0000000019"]])
      .file("far")
      .file("base256", "", { mtime: base256(-3n, 12) }),
  );
  const times = [...root.entries.values()].map((inode) => [inode.mtimeSeconds, inode.mtimeNanoseconds]);
  assert.deepEqual(times, [
    [-2, 750_000_000],
    [-1, 500_000_000],
    [253_402_300_800, 1],
    [-3, 0],
  ]);
});

test("owners: up to 2^32 - 2, never negative", async () => {
  const { root } = await one(tar().file("f", "", { uid: base256(4_294_967_294n, 8), gid: base256(70_000n, 8) }));
  assert.deepEqual([at(root, "f")?.uid, at(root, "f")?.gid], [4_294_967_294, 70_000]);
  // Linux has no such owner: it stands for "leave it as it is" (chown(2)).
  await invalid(tar().file("f", "", { uid: base256(4_294_967_295n, 8) }), /larger than 4294967294/);
  await invalid(
    tar()
      .pax([["gid", "4294967295"]])
      .file("f"),
    /larger than 4294967294/,
  );
  await invalid(tar().file("f", "", { uid: base256(-1n, 8) }), /uid is negative/);
});

test("a long name that never ends, is empty, or is a GiB", async () => {
  const { root } = await one(tar().add({ name: "L", type: "L", content: "no-nul-at-its-end" }).file("x"));
  assert.deepEqual([...root.entries.keys()], ["no-nul-at-its-end"]);
  const empty = tar().add({ name: "L", type: "L", size: 0 }).add({ name: "x", type: "x", size: 0 }).file("own-name");
  assert.ok(at((await one(empty)).root, "own-name"));
  for (const type of ["L", "K", "x", "g"]) {
    await tooLarge(tar().raw(tarHeader({ name: "L", type, size: 1024 ** 3 })), /1073741824 bytes/);
    await tooLarge(tar().raw(tarHeader({ name: "L", type, size: 1024 ** 2 + 1 })), /1048577 bytes/);
  }
});

test("an extended header that nothing follows", async () => {
  await invalid(tar().pax([["path", "a"]]), /ends after an extended header/);
  await invalid(tar().long("a"), /ends after an extended header/);
  await expectCode(importLayers([tar().long("a").cut()]), "LAYER_INVALID", /cut off/);
});

test("sizes past all measure are refused before anything is allocated", async () => {
  await invalid(tar().raw(tarHeader({ name: "f", size: base256(2n ** 63n, 12) })), /size is out of range/);
  await invalid(tar().raw(tarHeader({ name: "f", size: base256(-1n, 12) })), /size is negative/);
  await tooLarge(tar().raw(tarHeader({ name: "f", size: base256(2n ** 52n, 12) })), /larger than/);
  await invalid(tar().raw(tarHeader({ name: "f", size: octal("12x45") })), /size is not a number/);
});

test("checksums: signed ones are taken, wrong ones are not", async () => {
  const name = Buffer.from([0xe9, 0xe8]);
  const { root } = await one(tar().file(name, "x", { checksum: "signed" }));
  assert.deepEqual([...root.entries.keys()], [name.toString("latin1")]);
  await invalid(tar().file("first", "x").file("f", "x", { checksum: 1234 }), /checksum/);
});

const star = (header: Buffer): void => {
  header.write("tar\0", 508, "latin1");
  header.write("00000000000\0", 476, "latin1");
};

test("old archives without magic, and star's prefix", async () => {
  const { root } = await one(
    tar()
      .file("v7", "x", { format: "v7", type: "\0" })
      .file("name", "x", { prefix: "posix/dir" })
      .file("name", "x", { prefix: "star", edit: star })
      .file("contiguous", "x", { type: "7" }),
  );
  for (const path of ["v7", "posix/dir/name", "star/name", "contiguous"])
    assert.equal(at(root, path)?.type, "file", path);
});

test("a prefix under GNU's magic, as Go wrote it before 1.8", async () => {
  const prefix = "a".repeat(120);
  const big = base256(1_000_000_000n, 8);
  const { root } = await one(
    tar()
      .file("foo", "x", { format: "gnu", uid: big, prefix })
      // Here stand the times of GNU's own header.
      .file("times", "", { format: "gnu", prefix: "00000000001\x0000000000002" })
      .file("binary-times", "", {
        format: "gnu",
        edit: (header) => void Buffer.concat([base256(7n, 12), base256(8n, 12)]).copy(header, 345),
      })
      .file("neither", "", { format: "gnu", edit: (header) => void header.write("caf\xe9", 345, "latin1") }),
  );
  assert.equal(at(root, `${prefix}/foo`)?.uid, 1_000_000_000);
  assert.deepEqual([...root.entries.keys()], [prefix, "times", "binary-times", "neither"]);
});

test("a symbolic link's mode is Linux' own, whatever the archive says", async () => {
  const { root } = await one(tar().symlink("l", "target", { mode: 0o644 }).symlink("su", "target", { mode: 0o4700 }));
  assert.deepEqual([at(root, "l")?.mode, at(root, "su")?.mode], [0o777, 0o777]);
});

test("numbers in PAX may begin with zeros", async () => {
  const { root, sink } = await one(
    tar()
      .pax([
        ["size", "000000000000000000000005"],
        ["uid", "00000000000000000000000123"],
        ["mtime", "00000000000000000000000017.5"],
      ])
      .add({ name: "f", content: "hello", size: 0 }),
  );
  assert.equal(sink.contentOf(at(root, "f")).toString(), "hello");
  assert.deepEqual([at(root, "f")?.uid, at(root, "f")?.mtimeSeconds], [123, 17]);
});

test("types that nobody knows", async () => {
  for (const type of ["9", "V", "M", "D", "N", "z"])
    await invalid(tar().file("f", "x", { type }), /type ".*" is not known/);
});

test("a body where none belongs is not taken for one", async () => {
  // Go's archive/tar, and so every engine, goes on with the next header whatever the size says.
  const { root } = await one(tar().dir("d", { size: 512 }).symlink("l", "d", { size: 512 }).file("f", "x"));
  assert.deepEqual([...root.entries.keys()], ["d", "l", "f"]);
});

test("a body that holds another archive is content, not entries", async () => {
  const inner = tar().file("smuggled", "x").end();
  const { root, sink } = await one(tar().file("inner.tar", inner).file("after", "y"));
  assert.deepEqual([...root.entries.keys()], ["inner.tar", "after"]);
  assert.deepEqual(sink.contentOf(at(root, "inner.tar")), inner);
});

test("a lone block of zeros in the middle, and junk after the end", async () => {
  await invalid(tar().file("a", "x").raw(Buffer.alloc(512)).file("b", "x"), /lone block of zeros/);
  const { root } = await importLayers([
    Buffer.concat([tar().file("a").end(), Buffer.from("junk"), tar().file("b").end()]),
  ]);
  assert.deepEqual([...root.entries.keys()], ["a"]);
});

test("an archive cut at every border of a block is an error", async () => {
  const whole = tar()
    .pax([["path", "long/name"]])
    .file("x", "y".repeat(1500))
    .long("another/name")
    .file("x", "z")
    .dir("d")
    .add({ name: "sparse", type: "S", format: "gnu", content: "s".repeat(512), edit: oldSparse([[0, 512]], 512) })
    .end();
  // What is left of it has a diff id of its own, which is not the one that the config tells.
  const diffId = sha256(whole);
  for (let length = 0; length < whole.length; length += 512) {
    const cut = { tar: whole.subarray(0, length), diffId };
    const error = await importLayers([cut]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Error && "code" in error, `cut at ${length}`);
    assert.ok(["LAYER_INVALID", "DIGEST_MISMATCH"].includes(String(error.code)), `cut at ${length}: ${String(error)}`);
  }
});

/** Writes GNU's old sparse map into a header. */
function oldSparse(
  parts: readonly (readonly [number, number])[],
  realSize: number,
  extended = false,
): (header: Buffer) => void {
  return (header) => {
    for (const [i, [offset, length]] of parts.entries()) {
      header.write(`${offset.toString(8).padStart(11, "0")}\0`, 386 + 24 * i, "latin1");
      header.write(`${length.toString(8).padStart(11, "0")}\0`, 398 + 24 * i, "latin1");
    }
    header[482] = extended ? 1 : 0;
    header.write(`${realSize.toString(8).padStart(11, "0")}\0`, 483, "latin1");
  };
}

const old = (parts: readonly (readonly [number, number])[], realSize: number): TarBuilder =>
  tar().add({ name: "f", type: "S", format: "gnu", content: "s".repeat(512), edit: oldSparse(parts, realSize) });
const map = (records: readonly (readonly [string, string])[], content = "data"): TarBuilder =>
  tar().pax(records).file("f", content);

test("sparse maps that do not fit", async () => {
  await one(old([[1024, 512]], 4096));
  await invalid(old([[0, 100]], 4096), /tells of 100 bytes, and there are 512/);
  await invalid(old([[4000, 512]], 4096), /past the end/);
  await invalid(
    old(
      [
        [512, 256],
        [0, 256],
      ],
      4096,
    ),
    /out of order/,
  );
  await invalid(
    old(
      [
        [0, 300],
        [200, 212],
      ],
      4096,
    ),
    /overlap/,
  );

  await invalid(map([["GNU.sparse.map", "0,4"]]), /without GNU\.sparse\.size/);
  await invalid(
    map([
      ["GNU.sparse.size", "9"],
      ["GNU.sparse.map", "0,4,5"],
    ]),
    /middle of a part/,
  );
  await invalid(
    map([
      ["GNU.sparse.size", "9"],
      ["GNU.sparse.map", "0,-4"],
    ]),
    /not a number/,
  );
  await invalid(
    map([
      ["GNU.sparse.size", "9"],
      ["GNU.sparse.numbytes", "4"],
    ]),
    /out of order/,
  );
  const v1: [string, string][] = [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
  ];
  await invalid(map(v1), /without its map/);
  await invalid(map(v1, "junk\n".padEnd(512)), /not a number/);
  await invalid(map(v1, ""), /without its map/);
  await invalid(
    map([...v1, ["GNU.sparse.realsize", "9"]], "1\n0\n".padEnd(512, "\0")),
    /longer than|not a number|too long/,
  );
  await invalid(
    map([...v1, ["GNU.sparse.realsize", "9"]], "1\n0\n4\n".padEnd(512, "\0")),
    /tells of 4 bytes, and there are 0/,
  );
  await tooLarge(map([...v1, ["GNU.sparse.realsize", "9"]], "9999999\n".padEnd(512, "\0")), /parts/);
});

test("a sparse file of 8 EiB", async () => {
  const huge = [
    ["GNU.sparse.size", "9223372036854775807"],
    ["GNU.sparse.map", ""],
  ] as const;
  await invalid(tar().pax(huge).file("f", ""), /not a number in range/);
  const large = [
    ["GNU.sparse.size", String(2 ** 50)],
    ["GNU.sparse.map", ""],
  ] as const;
  await tooLarge(tar().pax(large).file("f", ""), /larger than/);
});

test("xattrs: both spellings, any bytes, and those of the machine dropped", async () => {
  const { root } = await one(
    tar()
      .pax([
        ["SCHILY.xattr.user.nul", Buffer.from([0, 0x3d, 0x0a, 0])],
        ["SCHILY.xattr.user.empty", ""],
        ["LIBARCHIVE.xattr.user.base%3D64", Buffer.from("AAEC")],
        ["LIBARCHIVE.xattr.user.nul", Buffer.from("AAEC")],
        ["SCHILY.xattr.security.selinux", "context"],
        ["SCHILY.xattr.system.nfs4_acl", "acl"],
      ])
      .file("f"),
  );
  assert.deepEqual(
    at(root, "f")?.xattrs,
    new Map([
      ["user.nul", Buffer.from([0, 0x3d, 0x0a, 0])],
      ["user.empty", Buffer.alloc(0)],
      ["user.base=64", Buffer.from([0, 1, 2])],
    ]),
  );
  await invalid(
    tar()
      .pax([["LIBARCHIVE.xattr.user.x", "!!"]])
      .file("f"),
    /base64/,
  );
  await invalid(
    tar()
      .pax([["SCHILY.xattr.", "x"]])
      .file("f"),
    /proper name/,
  );
  await tooLarge(
    tar()
      .pax([[`SCHILY.xattr.user.${"n".repeat(251)}`, "x"]])
      .file("f"),
    /256 bytes/,
  );
});

test("setuid, devices and modes are kept, and no more bits than there are", async () => {
  const { root } = await one(
    tar().file("su", "", { mode: 0o107755 }).add({ name: "disk", type: "4", devmajor: 259, devminor: 1_048_575 }),
  );
  assert.equal(at(root, "su")?.mode, 0o7755);
  const disk = at(root, "disk");
  assert.deepEqual(disk?.type === "block" && [disk.major, disk.minor], [259, 1_048_575]);
  await invalid(tar().add({ name: "d", type: "3", devmajor: 1, devminor: 1_048_576 }), /no device/);
  await invalid(tar().add({ name: "d", type: "4", devmajor: 4096, devminor: 1 }), /no device/);
});
