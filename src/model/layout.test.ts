import assert from "node:assert/strict";
import { tmpdir, userInfo } from "node:os";
import { test } from "node:test";
import { describedFolders, folderLock, instanceFile, instanceFolders, layoutFrom, vmRunDir } from "./layout.ts";

test("all of banger's lies where the XDG specification has it, below the user's home", () => {
  const layout = layoutFrom({ HOME: "/home/u" });
  assert.equal(layout.configFile, "/home/u/.config/banger/config.toml");
  assert.equal(layout.sshKey, "/home/u/.config/banger/ssh/id_ed25519");
  assert.equal(layout.cacheDir, "/home/u/.cache/banger");
  assert.equal(layout.workDir, "/home/u/.local/share/banger/work");
  assert.equal(layout.database, "/home/u/.local/state/banger/banger.db");
  assert.equal(layout.socket, "/home/u/.local/state/banger/run/bangerd.sock");
  assert.equal(layoutFrom({}).stateDir, `${userInfo().homedir}/.local/state/banger`);
});

test("the environment moves each part; a relative path is ignored", () => {
  const moved = layoutFrom({
    HOME: "/home/u",
    XDG_CONFIG_HOME: "/c",
    XDG_CACHE_HOME: "/k",
    XDG_DATA_HOME: "/d",
    XDG_STATE_HOME: "state/",
  });
  assert.deepEqual(
    [moved.configFile, moved.cacheDir, moved.vmsDir, moved.stateDir],
    ["/c/banger/config.toml", "/k/banger", "/d/banger/vms", "/home/u/.local/state/banger"],
  );
});

test("sockets that find no place with the state go to the session's folder, or to one of the user's own in /tmp", () => {
  const other = (xdg?: string) => layoutFrom({ HOME: "/h", XDG_RUNTIME_DIR: xdg }).otherRunDir;
  assert.equal(other("/run/user/7"), "/run/user/7/banger");
  const own = `${tmpdir()}/banger-${userInfo().uid}`;
  assert.deepEqual([other(), other(""), other("run/")], [own, own, own]);
});

test("an instance's folders, their locks and what objects are told by have names of their own", () => {
  const layout = layoutFrom({ HOME: "/h", XDG_DATA_HOME: "/d" });
  const folders = instanceFolders(layout);
  assert.deepEqual(folders, {
    state: "/h/.local/state/banger",
    data: "/d/banger",
    run: "/h/.local/state/banger/run",
  });
  assert.equal(new Set(Object.values(folders).map(folderLock)).size, 3);
  assert.equal(folderLock(folders.state), layout.lockFile);
  assert.equal(instanceFile("/d/banger"), "/d/banger/instance-id");
  assert.equal(vmRunDir(layout, "vm-1"), "/h/.local/state/banger/run/vm-1");
  assert.deepEqual(describedFolders(layout).images, { folder: "/d/banger/images", file: "image.json" });
});
