import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gatewayOf, sshConfig } from "./dev-guest.ts";
import { missingPrograms } from "./dev-host.ts";
import { startGitDaemon } from "./dev-git-daemon.ts";
import type { ProgramGuest } from "./program-guest.ts";

/** Names, kinds, modes, ends of links and contents of all below a folder, by the tools of whoever has it. */
const LISTING = `cd "$0"; find . -mindepth 1 -printf '%P %y %m %l\\n' | LC_ALL=C sort
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; find . -type f -links +1 | LC_ALL=C sort`;
const HOST = "programs.banger";

/** Each way to take files to a guest and back that goes over ssh. */
export function transferTests(guest: () => ProgramGuest): void {
  /** Runs a bash script on the host, whose $0 is a path. */
  async function onHost(script: string, path = guest().host.folder): Promise<string> {
    const config = await sshConfig(guest());
    const env = { GIT_SSH_COMMAND: `ssh -F ${config}`, CONFIG: config };
    const { code, stdout, stderr } = await guest().host.run("bash", ["-euo", "pipefail", "-c", script, path], { env });
    assert.equal(code, 0, `${script}\n${stdout.toString()}${stderr}`);
    return stdout.toString("utf8").trim();
  }
  const inGuest = (folder: string) => guest().run(`exec bash -euc '${LISTING.replaceAll("'", `'\\''`)}' ${folder}`);

  test("rsync takes a tree there, what changed of it again, and back", { skip: missingPrograms("rsync") }, async () => {
    const tree = await makeTree(join(guest().host.folder, "tree"), onHost);
    const rsync = `rsync --archive --hard-links --delete --rsh "ssh -F $CONFIG"`;
    await onHost(`${rsync} "$0"/ ${HOST}:/root/tree/`, tree);
    const sent = await onHost(LISTING, tree);
    assert.equal(await inGuest("/root/tree"), sent);
    await onHost(
      `cd "$0"; rm plain/7; echo more >>plain/8; dd if=/dev/urandom of=big bs=4096 count=1 seek=99 conv=notrunc`,
      tree,
    );
    const said = await onHost(`${rsync} --stats --checksum "$0"/ ${HOST}:/root/tree/`, tree);
    assert.match(said, /Number of regular files transferred: 2$/m);
    const changed = await onHost(LISTING, tree);
    assert.notEqual(changed, sent);
    assert.equal(await inGuest("/root/tree"), changed);
    await onHost(`${rsync} ${HOST}:/root/tree/ "$0-back"/`, tree);
    assert.equal(await onHost(LISTING, `${tree}-back`), changed);
  });

  test("scp takes a folder there and back", async () => {
    const tree = join(guest().host.folder, "scp");
    await onHost(
      `mkdir -p "$0/sub dir"; head -c 3000000 /dev/urandom >"$0/sub dir/däta"; chmod 640 "$0/sub dir/däta"`,
      tree,
    );
    await onHost(`scp -q -r -p -F "$CONFIG" "$0" ${HOST}:/root/`, tree);
    const sent = await onHost(LISTING, tree);
    assert.equal(await inGuest("/root/scp"), sent);
    await onHost(`scp -q -r -p -F "$CONFIG" ${HOST}:/root/scp "$0-back"`, tree);
    assert.equal(await onHost(LISTING, `${tree}-back`), sent);
  });

  test("sftp puts, gets, renames, links, makes folders, sets modes and refuses what is not there", async () => {
    await onHost('head -c 5000000 /dev/urandom >"$0/data"');
    const batch = [
      "mkdir /root/s",
      "put data /root/s/data",
      "rename /root/s/data /root/s/data2",
      "chmod 0600 /root/s/data2",
    ];
    const more = ["ln -s data2 /root/s/link", "ln data2 hard", "get /root/s/link back", "df /root", "rmdir empty"];
    const lines = [...batch, "cd /root/s", "mkdir empty", ...more, "bye"];
    await writeFile(join(guest().host.folder, "batch"), `${lines.join("\n")}\n`);
    await onHost(`cd "$0"; sftp -q -F "$CONFIG" -b batch ${HOST} >&2; cmp data back`);
    const sum = await onHost('sha256sum <"$0/data"');
    assert.equal(await guest().run("cd /root/s; sha256sum <data2"), sum);
    assert.equal(
      await guest().run("cd /root/s; stat -c '%n %a %h %F' *"),
      ["data2 600 2 regular file", "hard 600 2 regular file", "link 777 1 symbolic link"].join("\n"),
    );
    await onHost(`cd "$0"; ! echo 'get /root/s/nothing' | sftp -q -F "$CONFIG" -b - ${HOST}`);
  });

  test("sshfs mounts the guest's files", { skip: missingPrograms("sshfs", "fusermount3") }, async () => {
    const mount = join(guest().host.folder, "mount");
    await mkdir(mount);
    await guest().run("mkdir -p /root/shared; seq 100000 >/root/shared/numbers");
    await onHost(`sshfs -F "$CONFIG" ${HOST}:/root/shared "$0"`, mount);
    try {
      const script = `cd "$0"; sort -nr numbers >down; mkdir -p a/b; mv down a/b/; ln -s a/b/down link; chmod 400 link
truncate -s 12345 numbers; rm -rf a/none; df . >&2; stat -c %s numbers; head -n 1 link`;
      assert.equal(await onHost(script, mount), "12345\n100000");
    } finally {
      await onHost('fusermount3 -u "$0"', mount);
    }
    assert.equal(
      await guest().run("cd /root/shared; stat -c '%s %a' numbers a/b/down; head -n 2 link"),
      ["12345 644", "588895 400", "100000\n99999"].join("\n"),
    );
  });

  test("git pushes, clones, fetches and pulls over ssh, and the guest clones from its host", async () => {
    const who = "git config user.name T; git config user.email t@localhost";
    await guest().run("git init -q --bare -b main /root/repo.git");
    const first = `cd "$0"; mkdir ours; cd ours; git init -q -b main; ${who}
for n in $(seq 200); do mkdir -p d$((n % 9)); seq $n $((n * 20)) >d$((n % 9))/f$n; done; git add .; git commit -qm first
git remote add origin ${HOST}:/root/repo.git; git push -q origin main; git rev-parse HEAD`;
    const pushed = await onHost(first);
    const inside = `git clone -q /root/repo.git /root/theirs; cd /root/theirs; ${who}; git rm -q d1/f1
echo theirs >new; git add new; git commit -qm second; git push -q origin main; git fsck --full >&2; git rev-parse HEAD~1 HEAD`;
    const [before, made] = (await guest().run(inside)).split("\n");
    assert.equal(before, pushed);
    const pulled = await onHost(
      `cd "$0/ours"; git pull -q origin main; git fsck --full >&2; cat new; git rev-parse HEAD`,
    );
    assert.equal(pulled, `theirs\n${made}`);
    const cloned = await onHost(
      `git clone -q ${HOST}:/root/repo.git "$0/clone"; cd "$0/clone"; git status --porcelain; git rev-parse HEAD`,
    );
    assert.equal(cloned, made);
    // One that the guest has not: a push that is not forward is refused, through all of it.
    await onHost(`cd "$0/clone"; ${who}; git commit -q --amend -m other; ! git push -q origin main`);
    await using served = await startGitDaemon(guest().host.folder);
    const url = `git://${await gatewayOf(guest())}:${served.port}/ours`;
    assert.equal(await guest().run(`git clone -q ${url} /root/from-host; git -C /root/from-host rev-parse HEAD`), made);
  });
}

async function makeTree(tree: string, onHost: (script: string, path: string) => Promise<string>): Promise<string> {
  const script = `mkdir -p "$0/plain" "$0/leer und ünï"; cd "$0"; for n in $(seq 200); do seq $n 400 >plain/$n; done
head -c 8000000 /dev/urandom >big; ln big hard; ln -s plain/3 link; ln -s /nowhere dangling; mkfifo fifo
chmod 700 plain; chmod 4755 plain/5; chmod 000 plain/6; truncate -s 20M sparse; touch -d 2001-02-03 plain/9`;
  await onHost(`mkdir "$0"; ${script}`, tree);
  return tree;
}
