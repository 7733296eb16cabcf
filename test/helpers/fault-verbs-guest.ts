import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { layoutFrom } from "../../src/model/layout.ts";
import { askDaemon, type StoryVerb } from "./fault-story.ts";
import type { TestHost } from "./test-host.ts";

/** Moves the database away, so that the next daemon refuses to open what is left. */
async function loseDatabase(host: TestHost): Promise<void> {
  await host.ok(["daemon", "stop"]);
  const { database } = layoutFrom(host.env);
  await rename(database, `${database}.lost`);
  await host.banger(["daemon", "start"]);
}

/** Changes files of a guest in each of the ways that there are. */
async function changeFiles(host: TestHost): Promise<void> {
  const daemon = askDaemon(host);
  const place = { ref: "box", user: "" };
  await daemon.call("vmFileMkdir", { ...place, path: "/srv/story", parents: true, owner: "" });
  await daemon.upload(
    "vmFileWrite",
    { ...place, path: "/srv/story/a", owner: "", parents: false, exclusive: false },
    one(),
  );
  await daemon.call("vmFileMove", { ...place, path: "/srv/story/a", to: "/srv/story/b", replace: false });
  const change = { follow: false, owner: "", mode: "600", attributes: {}, removeAttributes: [] };
  await daemon.call("vmFileChange", { ...place, path: "/srv/story/b", ...change });
  await daemon.call("vmFileRemove", { ...place, path: "/srv/story", recursive: true });
}

async function* one(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("a line\n");
}

/** Verbs on the guest of the VM `box`, which runs; what they do to banger's own state, if anything. */
export const VERBS_ON_A_GUEST: readonly StoryVerb[] = [
  {
    does: ["vmFileMkdir", "vmFileWrite", "vmFileMove", "vmFileChange", "vmFileRemove"],
    argv: ["files", "of", "box"],
    run: changeFiles,
    isDone: () => Promise.resolve(true),
    undo: [],
  },
  {
    does: ["vmArchiveWrite"],
    argv: ["cp", "copy.ext4", "box:/copy"],
    isDone: () => Promise.resolve(true),
    undo: [],
  },
  {
    does: ["vmExec"],
    argv: ["vm", "exec", "box", "--", "true"],
    isDone: () => Promise.resolve(true),
    undo: [],
  },
  {
    does: ["daemonStop"],
    argv: ["daemon", "stop"],
    only: ["vm/rebooted"],
    inOrder: true,
    // The guest tells of another boot, as after kexec: the next daemon is the first to hear of it.
    async before(host) {
      const script = `echo ${randomUUID()} >/id; mount -o bind /id /proc/sys/kernel/random/boot_id`;
      await host.ok(["vm", "exec", "box", "--", "sh", "-c", script]);
    },
    async run(host) {
      await host.ok(["daemon", "stop"]);
      await host.ok(["daemon", "start"]);
    },
    isDone: () => Promise.resolve(true),
    undo: [],
  },
  {
    does: ["daemonRecover"],
    argv: ["daemon", "recover"],
    only: ["kernel/created", "image/created", "vm/created"],
    inOrder: true,
    before: loseDatabase,
    async after(host) {
      // Where it was cut off, the next daemon refuses the state as this one did.
      await host.banger(["daemon", "recover"]);
    },
    async isDone(host) {
      const { state } = await askDaemon(host).call("vmInspect", { ref: "box" });
      return state === "running";
    },
    undo: [],
  },
];
