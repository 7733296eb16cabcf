import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { sshConfigBlock, sshSettings } from "./settings.ts";

const access = {
  id: "vm-0123456789abcdef",
  name: "demo",
  keyPath: "/home/a b/100%/key",
  knownHostsPath: "/home/a b/known_hosts",
  user: "root",
};

test("paths with blanks, quotes and percent signs reach ssh as they are", () => {
  const settings = Object.fromEntries(sshSettings(access, ["/opt/it's 100%/banger"]));
  assert.equal(settings["ProxyCommand"], "'/opt/it'\\''s 100%%/banger' vm proxy vm-0123456789abcdef");
  assert.equal(settings["IdentityFile"], '"/home/a b/100%%/key"');
  assert.equal(settings["HostKeyAlias"], access.id);
  assert.equal(settings["StrictHostKeyChecking"], "yes");
});

test("ssh itself reads the block as it was meant", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-ssh-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config");
  await writeFile(file, `${sshConfigBlock(access, ["/opt/banger"])}\n`);
  const { stdout } = await promisify(execFile)("ssh", ["-G", "-F", file, "demo.banger"]);
  const read = new Map(
    stdout.split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
  );
  assert.equal(read.get("user"), "root");
  assert.equal(read.get("proxycommand"), `/opt/banger vm proxy ${access.id}`);
  assert.equal(read.get("hostkeyalias"), access.id);
  assert.equal(read.get("identitiesonly"), "yes");
  assert.equal(read.get("stricthostkeychecking"), "true");
  assert.match(read.get("identityfile") ?? "", /^"?\/home\/a b\/100%%?\/key"?$/);
  assert.match(read.get("userknownhostsfile") ?? "", /^"?\/home\/a b\/known_hosts"?$/);
  // Another host knows nothing of it.
  const other = await promisify(execFile)("ssh", ["-G", "-F", file, "demo"]);
  assert.doesNotMatch(other.stdout, /vm proxy/);
});
