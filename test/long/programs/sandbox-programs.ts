import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ProgramGuest } from "./program-guest.ts";

/** Landlock (landlock(7)) by its system calls: what is below the first argument may be used, the rest only read. */
const LANDLOCK = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
CREATE, ADD, RESTRICT, PR_SET_NO_NEW_PRIVS = 444, 445, 446, 38
READ = 1 << 0 | 1 << 2 | 1 << 3
ALL = (1 << 13) - 1
def call(*words):
    result = libc.syscall(*words)
    if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
print("abi", call(CREATE, None, 0, 1), flush=True)
rules = call(CREATE, struct.pack("Q", ALL), 8, 0)
for path, access in (("/", READ), (sys.argv[1], ALL)):
    call(ADD, rules, 1, struct.pack("=Qi", access, os.open(path, os.O_PATH)), 0)
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
call(RESTRICT, rules, 0)
os.execvp(sys.argv[2], sys.argv[2:])
`;

/** What coding agents shut themselves in with, as a plain user. */
export function sandboxPrograms(guest: () => ProgramGuest): void {
  suite("sandboxes of a plain user", () => {
    const run = (script: string): Promise<string> => guest().run(`cd; ${script}`, { user: "plain" });

    test("bubblewrap: no network, no other process, one folder to write", async () => {
      const binds = "--ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --bind $HOME/box $HOME/box";
      const look = [
        "grep -c : /proc/net/dev",
        "ls /proc | grep -c '^[0-9]'",
        "touch $HOME/outside 2>&1 || :",
        "touch /tmp/mine box/inside && echo written",
        "head -c 4 /dev/urandom | wc -c; echo > /dev/null",
      ].join("; ");
      const said = await run(
        `mkdir -p box; bwrap --unshare-all --die-with-parent --new-session ${binds} bash -c "${look}"`,
      );
      assert.match(said, /^1\n[2-6]\ntouch: .*outside.*: Read-only file system\nwritten\n4$/);
      assert.equal(await run("ls box; ls /tmp/mine 2>/dev/null || echo gone"), "inside\ngone");
    });

    test("Landlock: writes and new files in one folder only", async () => {
      const script =
        "echo a > landlocked/allowed && cat landlocked/allowed; echo b > outside || echo refused; cat /etc/hostname";
      await guest().write("/usr/local/bin/landlock.py", Buffer.from(LANDLOCK));
      const said = await run(
        `mkdir -p landlocked; python3 /usr/local/bin/landlock.py $HOME/landlocked bash -c '${script}'`,
      );
      assert.match(said, /^abi [1-9]\na\nrefused\n\w+$/);
    });

    test("user namespaces: root inside, with mounts, overlay and a network of its own", async () => {
      assert.equal(await run("unshare -Ur id -u"), "0");
      assert.equal(await run("unshare -Urn sh -c 'ip link set lo up && ip -o link | wc -l'"), "1");
      const overlay = "mount -t overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w overlay m";
      assert.equal(await run(`mkdir -p l u w m; unshare -Urm sh -c '${overlay} && echo x > m/x'; cat u/x`), "x");
      await assert.rejects(run("unshare -m true"), /not permitted/);
    });
  });
}
