import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { lstat, mkdir, mkdtempDisposable, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { installInclude, uninstallInclude } from "./include.ts";
import { vmOfHost, writeHostKey } from "./known-hosts.ts";
import { sshWildcardBlock } from "./settings.ts";

const OWN = "Host other\n  User me\n";

/** A home, with an ssh_config of its user's where one is given. */
async function home(own?: string) {
  const folder = await mkdtempDisposable(join(tmpdir(), "banger-ssh-"));
  const userConfig = join(folder.path, ".ssh/config");
  await mkdir(join(folder.path, ".ssh"), { mode: 0o700 });
  if (own !== undefined) await writeFile(userConfig, own, { mode: 0o640 });
  const included = join(folder.path, "a b config");
  const hosts = join(folder.path, "hosts 100%");
  const block = sshWildcardBlock(join(folder.path, "key"), hosts, ["/opt/it's/banger"]);
  return {
    userConfig,
    included,
    hosts,
    install: () => installInclude(included, block, { HOME: folder.path }),
    uninstall: () => uninstallInclude(included, hosts, { HOME: folder.path }),
    /** What ssh itself makes of it. */
    async asRead(host: string): Promise<ReadonlyMap<string, string>> {
      const { stdout } = await promisify(execFile)("ssh", ["-G", "-F", userConfig, host]);
      return new Map(
        stdout.split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
      );
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test("ssh finds a VM by its name, and every other host as before", async () => {
  await using it = await home(OWN);
  const { changed } = await it.install();
  assert.equal(changed, true);
  const read = await it.asRead("demo.banger");
  assert.equal(read.get("user"), "root");
  assert.match(
    read.get("proxycommand") ?? "",
    /^'\/opt\/it'\\''s\/banger' vm proxy --known-hosts '.*hosts 100%%' '%n'$/,
  );
  assert.match(read.get("userknownhostsfile") ?? "", /hosts 100%%?\/(%n|demo\.banger)"?$/);
  assert.equal(read.get("stricthostkeychecking"), "true");
  const other = await it.asRead("other");
  assert.equal(other.get("user"), "me");
  assert.equal(other.has("proxycommand"), false);
});

test("installed twice it stands once; taken back, the file is what it was", async () => {
  await using it = await home(OWN);
  await it.install();
  await mkdir(it.hosts);
  await writeFile(join(it.hosts, "demo.banger"), "banger ssh-ed25519 AAAA\n");
  assert.equal((await it.install()).changed, false);
  assert.equal((await stat(it.userConfig)).mode & 0o777, 0o640);
  assert.equal((await it.uninstall()).changed, true);
  assert.equal(await readFile(it.userConfig, "utf8"), OWN);
  for (const path of [it.included, it.hosts]) await assert.rejects(lstat(path), { code: "ENOENT" });
  assert.equal((await it.uninstall()).changed, false);
});

test("a file of the user's that is a link stays one, and one that is not there is made", async () => {
  await using linked = await home();
  const real = join(linked.hosts, "dotfiles-config");
  await mkdir(linked.hosts);
  await writeFile(real, OWN);
  await symlink(real, linked.userConfig);
  await linked.install();
  assert.ok((await lstat(linked.userConfig)).isSymbolicLink());
  assert.match(await readFile(real, "utf8"), /^# [^\n]+\nInclude "[^\n]+"\nHost other\n/);
  await using bare = await home();
  await bare.install();
  assert.equal((await stat(bare.userConfig)).mode & 0o777, 0o600);
});

test("lines of the user's that moved ours about are left", async () => {
  await using it = await home();
  await it.install();
  const [mark = ""] = (await readFile(it.userConfig, "utf8")).split("\n");
  await writeFile(it.userConfig, `Host a\n${mark}\nHost b\n`);
  await it.uninstall();
  assert.equal(await readFile(it.userConfig, "utf8"), "Host a\nHost b\n");
});

test("a file that cannot be read is an error, and stays", async () => {
  await using it = await home();
  await mkdir(it.userConfig);
  await assert.rejects(it.install(), { code: "FILE_UNREADABLE" });
  assert.ok((await stat(it.userConfig)).isDirectory());
});

test("a host's key is written under its name, and a name that is a path is refused", async () => {
  await using it = await home();
  const knownHostsPath = join(it.hosts, "by-id");
  await mkdir(it.hosts);
  await writeFile(knownHostsPath, "vm-1 ssh-ed25519 AAAA\n");
  const access = { id: "vm-1", name: "demo", keyPath: "k", knownHostsPath, user: "root" };
  await writeHostKey(it.hosts, "demo.banger", access);
  assert.equal(await readFile(join(it.hosts, "demo.banger"), "utf8"), "banger ssh-ed25519 AAAA\n");
  for (const host of ["../x.banger", ".banger", "a/b"]) {
    await assert.rejects(writeHostKey(it.hosts, host, access), { code: "BAD_USAGE" }, host);
  }
  assert.equal(vmOfHost("demo.banger"), "demo");
  assert.equal(vmOfHost("demo"), "demo");
});

test("folders that are not there are made to install it, and not to take it back", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-ssh-"));
  const home = { HOME: folder.path };
  const included = join(folder.path, "deep/in/config");
  await uninstallInclude(included, join(folder.path, "deep/hosts"), home);
  assert.deepEqual(await readdir(folder.path), []);
  await installInclude(included, "Host *.banger", home);
  assert.match(await readFile(join(folder.path, ".ssh/config"), "utf8"), /Include .*deep\/in\/config/);
  assert.equal((await stat(join(folder.path, ".ssh"))).mode & 0o777, 0o700);
});
