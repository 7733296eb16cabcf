import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TarBuilder } from "../../../test/helpers/tar-builder.ts";
import { extractDeb } from "./deb.ts";

const LONG = `lib/modules/6.1.0-test/${"a-rather-long-name/".repeat(8)}module.ko`;
const invalid = { code: "ARCHIVE_INVALID" };
let dir: string;
let count = 0;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "banger-deb-"));
  const tree = join(dir, "tree");
  await mkdir(join(tree, "DEBIAN"), { recursive: true });
  await writeFile(
    join(tree, "DEBIAN/control"),
    "Package: k\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n",
  );
  for (const [path, content] of [
    ["boot/vmlinuz-6.1.0-test", "kernel"],
    ["boot/empty", ""],
    [LONG, "module"],
  ] as const) {
    await mkdir(join(tree, path, ".."), { recursive: true });
    await writeFile(join(tree, path), content);
  }
});
after(() => rm(dir, { recursive: true }));

const extract = async (
  deb: string,
  place: (path: string) => string | undefined = (path) => path,
): Promise<{ target: string; written: string[] }> => {
  const target = join(dir, `target-${(count += 1)}`);
  await mkdir(target);
  const signal = new AbortController().signal;
  return { target, written: await extractDeb(deb, { targetDir: target, place, signal, onBytes: () => {} }) };
};

const hasDpkgDeb = ((): boolean => {
  try {
    execFileSync("dpkg-deb", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

for (const compression of ["xz", "zstd", "gzip", "none"]) {
  const skip = hasDpkgDeb ? false : "no dpkg-deb here to make a package";
  test(`unpacks what dpkg-deb packed with ${compression}`, { skip }, async () => {
    const deb = join(dir, `${compression}.deb`);
    execFileSync("dpkg-deb", ["--root-owner-group", `-Z${compression}`, "-b", join(dir, "tree"), deb], {
      stdio: "ignore",
    });
    const { target, written } = await extract(deb);
    assert.deepEqual(written.sort(), ["boot/empty", "boot/vmlinuz-6.1.0-test", LONG]);
    assert.equal(await readFile(join(target, LONG), "utf8"), "module");

    const chosen = await extract(deb, (path) => (path.startsWith("boot/vmlinuz") ? "image" : undefined));
    assert.deepEqual(await readdir(chosen.target), ["image"]);
  });
}

function ar(members: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, content]) => [
    Buffer.from(`${name.padEnd(16)}${"0".padEnd(12)}0     0     100644  ${String(content.length).padEnd(10)}\`\n`),
    content,
    Buffer.from(content.length % 2 === 1 ? "\n" : ""),
  ]);
  return Buffer.concat([Buffer.from("!<arch>\n"), ...parts]);
}

const FORMAT = { "debian-binary": Buffer.from("2.0\n") };
const tar = new TarBuilder().file("./boot/vmlinuz", "kernel").end();

async function refuses(bytes: Buffer, place?: (path: string) => string): Promise<void> {
  const deb = join(dir, `bad-${(count += 1)}.deb`);
  await writeFile(deb, bytes);
  await assert.rejects(extract(deb, place), invalid);
}

test("accepts a package made by hand, so that the next ones fail for their own reasons", async () => {
  const deb = join(dir, "hand.deb");
  await writeFile(deb, ar({ ...FORMAT, odd: Buffer.from("odd"), "data.tar": tar }));
  assert.deepEqual((await extract(deb)).written, ["boot/vmlinuz"]);
});

test("refuses what is no package", async () => {
  await refuses(Buffer.from("a text that is longer than a header of ar has to be, so that it is read"));
  await refuses(Buffer.alloc(0));
  await refuses(ar({ "data.tar": tar }));
  await refuses(ar({ ...FORMAT, "control.tar": tar }));
  await refuses(ar({ "debian-binary": Buffer.from("3.0\n"), "data.tar": tar }));
  await refuses(ar({ ...FORMAT, "data.tar.lzma": tar }));
});

test("refuses a package that is cut off, at any place", async () => {
  const whole = ar({ ...FORMAT, "data.tar": tar });
  for (const length of [4, 30, 70, 80, 200, whole.length - 1300]) await refuses(whole.subarray(0, length));
});

test("refuses a damaged tar header and one with pax headers", async () => {
  const damaged = Buffer.from(tar);
  damaged[0] = 0x41;
  await refuses(ar({ ...FORMAT, "data.tar": damaged }));
  await refuses(
    ar({
      ...FORMAT,
      "data.tar": new TarBuilder()
        .pax([["path", "x"]])
        .file("y")
        .end(),
    }),
  );
});

test("never writes outside of its folder, and never over a file", async () => {
  await refuses(ar({ ...FORMAT, "data.tar": new TarBuilder().file("../../escaped", "x").end() }));
  await refuses(ar({ ...FORMAT, "data.tar": new TarBuilder().file("/escaped", "x").end() }));
  const twice = join(dir, "twice.deb");
  await writeFile(twice, ar({ ...FORMAT, "data.tar": new TarBuilder().file("a", "1").file("b", "2").end() }));
  await assert.rejects(
    extract(twice, () => "same"),
    { code: "ARCHIVE_INVALID" },
  );
});
