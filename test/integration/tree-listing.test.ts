import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, lchown, link, lutimes, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { differences, listFolder } from "../helpers/tree-listing.ts";

const asRoot = { skip: process.getuid?.() === 0 ? false : "owners and devices can be changed by root only" };

async function makeTree(folder: string): Promise<void> {
  await mkdir(join(folder, "dir"));
  await writeFile(join(folder, "file"), "content", { mode: 0o644 });
  await writeFile(join(folder, "other"), "content", { mode: 0o644 });
  await link(join(folder, "file"), join(folder, "hard"));
  await symlink("file", join(folder, "link"));
  execFileSync("mknod", [join(folder, "device"), "c", "1", "3"]);
  execFileSync("setfattr", ["-n", "user.a", "-v", "1", join(folder, "file")]);
  for (const name of ["dir", "file", "other", "link", "device", "."]) await lutimes(join(folder, name), 1000, 1000);
}

/** One change each, and what it must be called. */
const CHANGES: Readonly<Record<string, readonly [change: (at: (name: string) => string) => unknown, found: RegExp]>> = {
  "a name more": [(at) => writeFile(at("new"), ""), /"new": only in theirs/],
  "a name less": [(at) => unlink(at("other")), /"other": only in ours/],
  "another name": [(at) => rename(at("other"), at("othex")), /"othex": only in theirs/],
  "content of the same length": [(at) => writeFile(at("other"), "CONTENT"), /"other": sha256/],
  "a byte of content more": [(at) => writeFile(at("other"), "content "), /"other": sha256/],
  mode: [(at) => chmod(at("other"), 0o645), /"other": mode/],
  setuid: [(at) => chmod(at("other"), 0o4644), /"other": mode: ours 644, theirs 4644/],
  "mode of a directory": [(at) => chmod(at("dir"), 0o700), /"dir": mode/],
  "user id": [(at) => lchown(at("other"), 1, 0), /"other": owner/],
  "group id": [(at) => lchown(at("other"), 0, 1), /"other": owner/],
  "owner of a link": [(at) => lchown(at("link"), 5, 0), /"link": owner/],
  seconds: [(at) => lutimes(at("other"), 1000, 1001), /"other": mtime/],
  "a microsecond": [(at) => lutimes(at("other"), 1000, 1000.000001), /"other": mtime/],
  "time of a link": [(at) => lutimes(at("link"), 1000, 7), /"link": mtime/],
  "time of a directory": [(at) => lutimes(at("dir"), 1000, 7), /"dir": mtime/],
  "value of an attribute": [(at) => setfattr(at("file"), "user.a", "2"), /"file": xattrs/],
  "an attribute more": [(at) => setfattr(at("dir"), "user.a", "1"), /"dir": xattrs/],
  "a trusted attribute more": [(at) => setfattr(at("link"), "trusted.a", "1"), /"link": xattrs/],
  "an attribute less": [(at) => execFileSync("setfattr", ["-x", "user.a", at("file")]), /"file": xattrs/],
  "a link's target": [(at) => unlink(at("link")).then(() => symlink("fila", at("link"))), /"link": target/],
  "a device's number": [
    (at) => unlink(at("device")).then(() => execFileSync("mknod", [at("device"), "c", "1", "5"])),
    /"device": device: ours 1:3, theirs 1:5/,
  ],
  "a device's type": [
    (at) => unlink(at("device")).then(() => execFileSync("mknod", [at("device"), "b", "1", "3"])),
    /"device": type/,
  ],
  "a file in place of a directory": [
    (at) => rm(at("dir"), { recursive: true }).then(() => writeFile(at("dir"), "")),
    /"dir": type/,
  ],
  "a hard link that is a copy": [
    (at) => unlink(at("hard")).then(() => execFileSync("cp", ["-a", at("file"), at("hard")])),
    /"hard": sameAs/,
  ],
  "hard links of another file": [
    (at) => unlink(at("hard")).then(() => link(at("other"), at("hard"))),
    /"hard": sameAs/,
  ],
  "a name outside the tree": [(at) => link(at("file"), at("../outside")), /"file": links: ours 2, theirs 3/],
};

test("two trees made alike are equal", asRoot, async () => {
  assert.deepEqual(await changed(() => undefined), []);
});

for (const [name, [change, found]] of Object.entries(CHANGES)) {
  test(`the comparison notices ${name}`, asRoot, async () => {
    assert.match((await changed(change)).join("\n"), found);
  });
}

/** What differs between two trees made alike of which the second was changed. */
async function changed(change: (at: (name: string) => string) => unknown): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "banger-listing-"));
  try {
    const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
    for (const side of [ours, theirs]) {
      await mkdir(side);
      await makeTree(side);
    }
    await change((name) => join(theirs, name));
    return differences(await listFolder(ours), await listFolder(theirs));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function setfattr(path: string, name: string, value: string): void {
  execFileSync("setfattr", ["-h", "-n", name, "-v", value, path]);
}
