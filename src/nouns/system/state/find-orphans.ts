import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isId } from "../../../lib/ids.ts";
import { namesIn } from "../../../lib/names-in.ts";
import type { Orphan } from "../../../model/orphan.ts";
import { describedFolders, type Layout } from "../../../model/layout.ts";
import { readDescription } from "../../../core/descriptions.ts";
import { isWorkOf } from "../../../core/intents.ts";
import { findStrays, type VmContext, type VmStore } from "../../vms/index.ts";

/** Files that are looked at to tell how much one orphan occupies. */
const MAX_COUNTED = 100_000;

type Context = Pick<VmContext, "store" | "layout" | "drivers">;

interface Found {
  readonly kind: Orphan["kind"];
  readonly name: string;
  readonly path: string;
  readonly about: string;
}

/**
 * All in banger's folders that neither a row nor an open intent names. It changes nothing: what is not known may be dear to
 * somebody.
 */
export async function findOrphans(context: Context): Promise<readonly Orphan[]> {
  const { store, layout } = context;
  const intents = store.intents.open().map(({ subject }) => subject);
  const isNamed = (name: string): boolean => intents.some((subject) => isWorkOf(name, subject));
  const found = [
    ...unknownObjects(store, layout, isNamed),
    ...namesIn(layout.workDir)
      .filter((name) => !isNamed(name))
      .map((name): Found => ({
        kind: "work",
        name: `work/${name}`,
        path: join(layout.workDir, name),
        about: "work in progress that nothing tells of",
      })),
  ];
  const orphans: Orphan[] = [];
  for (const one of found) orphans.push(...(await describe(context, one)));
  return orphans;
}

function unknownObjects(store: VmStore, layout: Layout, isNamed: (name: string) => boolean): readonly Found[] {
  const folders = describedFolders(layout);
  const objects = (["vms", "volumes", "images", "kernels"] as const).flatMap((table) => {
    const known = store[table].ids();
    const { folder, file } = folders[table];
    return namesIn(folder)
      .filter((name) => !known.has(name) && !isNamed(name))
      .map((name): Found => {
        const path = join(folder, name);
        return { kind: KINDS[table], name: `${table}/${name}`, path, about: aboutObject(path, file, KINDS[table]) };
      });
  });
  const vms = store.vms.ids();
  const running = namesIn(layout.runDir)
    .filter((name) => /^vm-[0-9a-z]{16}$/.test(name) && !vms.has(name) && !isNamed(name))
    .map((name): Found => ({
      kind: "run",
      name: `run/${name}`,
      path: join(layout.runDir, name),
      about: "sockets of a VM that the state does not know",
    }));
  return [...objects, ...running];
}

const KINDS = { vms: "vm", volumes: "volume", images: "image", kernels: "kernel" } as const;

/** What a folder says of itself, or why it says nothing. */
function aboutObject(path: string, file: string, kind: string): string {
  try {
    const { object } = readDescription(join(path, file));
    const name = typeof object === "object" && object !== null && "name" in object ? String(object.name) : "?";
    return `${kind} ${name.slice(0, 100)}, which the state does not know`;
  } catch (error) {
    const names = namesIn(path);
    if (!names.includes(file)) return `a ${kind}'s folder without a description (${names.length} files)`;
    return `a ${kind}'s folder whose ${file} does not read: ${error instanceof Error ? error.message.split("\n")[0] : ""}`;
  }
}

/** It may go while it is looked at. */
async function describe(context: Context, { kind, name, path, about }: Found): Promise<readonly Orphan[]> {
  try {
    const { mtime } = await lstat(path);
    const size = await occupied(path);
    const id = name.slice(name.indexOf("/") + 1);
    const strays = isId(id) && (kind === "vm" || kind === "run") ? await findStrays(context, id) : [];
    return [
      {
        name,
        kind,
        path,
        ...(size !== undefined && { sizeBytes: size }),
        changedAt: mtime.toISOString(),
        about,
        pids: strays.map(({ pid }) => pid),
      },
    ];
  } catch {
    return [];
  }
}

/** Bytes on the disk, links not followed; undefined where not all can be seen. */
async function occupied(path: string): Promise<number | undefined> {
  let bytes = 0;
  let counted = 0;
  const todo = [path];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    counted += 1;
    if (counted > MAX_COUNTED) return undefined;
    try {
      const found = await lstat(at);
      bytes += found.blocks * 512;
      if (found.isDirectory()) for (const name of await readdir(at)) todo.push(join(at, name));
    } catch {
      return undefined;
    }
  }
  return bytes;
}
