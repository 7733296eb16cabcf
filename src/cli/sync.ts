import { GUEST_FILE_FIELDS } from "../model/fields/guest-file-fields.ts";
import { counted } from "../lib/counted.ts";
import { type Cli, command } from "./command.ts";
import { withStop } from "./interrupts.ts";
import { badUsage } from "./parse/bad-usage.ts";
import { optionsOf } from "./parse/option-of.ts";
import { ownOption } from "./parse/own-option.ts";
import type { Synced, SyncPair } from "./sync/sync-folder.ts";

const { user: USER, owner: OWNER } = optionsOf(GUEST_FILE_FIELDS, {});

export default command({
  name: ["sync"],
  summary: "Make a folder in a VM as one of this host is, once or again and again",
  arguments: [
    { name: "folder", help: "of this host" },
    { name: "target", help: "VM:PATH" },
  ],
  options: {
    watch: { type: "boolean", short: "w", help: "go on with what changes here, until Ctrl-C" },
    delete: { type: "boolean", help: "remove from the VM what is not here" },
    gitignore: { type: "boolean", help: "leave out what .gitignore files here say, and .git" },
    "exclude-from": ownOption({
      kind: "text",
      value: "FILE",
      help: "leave out what the lines of a file say, as .gitignore has them",
    }),
    user: USER,
    owner: OWNER,
  },
  details: `One way: nothing comes back. A file is sent whose size, time or mode differs, in one archive with all others, and gets
its name in the VM when it is whole. What is left out is never removed there. Needs no ssh and no network.`,
  examples: [
    { line: "banger sync site demo:/srv/site --delete", does: "Once, and exactly" },
    { line: "banger sync . demo:/work/app --watch --gitignore", does: "A work tree, while you work on it" },
  ],
  async run(cli, { folder, target }, options) {
    const [{ readEnd }, { syncPair }] = await Promise.all([import("./copy/ends.ts"), import("./sync/sync-pair.ts")]);
    const end = readEnd(target);
    if (end.kind !== "vm") throw badUsage(`${target} is in no VM`, "write VM:PATH, as in demo:/srv/site");
    return withStop(async (signal) => {
      const { "exclude-from": excludeFrom, gitignore, user = "", owner = user === "" ? "0:0" : user } = options;
      const to = { ref: end.ref, path: end.path, user, owner, deletes: options.delete };
      const pair = await syncPair(cli.client, folder, to, { excludeFrom, gitignore }, signal);
      if (options.watch) await follow(cli, pair);
      else tell(cli, await (await import("./sync/sync-folder.ts")).syncFolder(pair));
    });
  },
});

/** Watched from before the first look on, so that nothing is missed in between. */
async function follow(cli: Cli, pair: SyncPair): Promise<void> {
  const [{ watchFolder }, { syncFolder, syncPaths }] = await Promise.all([
    import("./sync/watch-folder.ts"),
    import("./sync/sync-folder.ts"),
  ]);
  const changes = watchFolder(pair.top, pair.rules, pair.signal);
  let next = changes.next();
  tell(cli, await syncFolder(pair));
  if (!cli.json) cli.note("Watching; Ctrl-C ends it.");
  for (;;) {
    const { value: paths, done } = await next;
    if (done === true) return;
    next = changes.next();
    tell(cli, await syncPaths(pair, [...paths]));
  }
}

function tell(cli: Cli, synced: Synced): void {
  if (cli.json) return cli.printJson(synced);
  cli.print(`${counted(synced.sent, "path")} sent, ${synced.removed} removed.`);
}
