import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import { z } from "zod";
import { removeFile, replaceFile } from "../../../lib/destroy.ts";
import { hasErrno } from "../../../lib/errors.ts";
import { syncDirectory } from "../../../lib/files.ts";
import { newId } from "../../../lib/ids.ts";
import { namesIn } from "../../../lib/names-in.ts";
import { describedFolders, instanceFolders, type Layout } from "../../../model/layout.ts";
import type { Rebuilt } from "../../../model/orphan.ts";
import { isAlive } from "../../../lib/process-identity.ts";
import { hostProcessSchema } from "../../../model/vm.ts";
import { readDescription } from "../../../core/descriptions.ts";
import { raiseRevision, writeInstance } from "../../../store/instance-row.ts";
import { TABLES, type Table } from "../../../store/peek-database.ts";
import { openStore } from "../../store.ts";
import { lookAtState, type ObjectFolder, type StateSeen } from "../../../core/state/look-at-state.ts";
import { tellInstance } from "../../../core/state/open-state.ts";
import { planRebuild, type Told } from "./plan-rebuild.ts";

/**
 * Makes a new database of what the folders of VMs, images and kernels say of themselves; where a folder says nothing, of what
 * the database says that is there. That one is kept under another name. Locks on all folders must be held.
 */
export async function rebuildState(layout: Layout, log: Logger): Promise<Rebuilt> {
  const seen = lookAtState(layout);
  const told = gather(seen, layout);
  const plan = planRebuild(told, await aliveOf(told));
  const instance = seen.instances.data ?? instanceOfDatabase(seen) ?? seen.instances.state ?? newId("ins");
  await dropUnfinished(layout);
  const fresh = `${layout.database}.new-${newId("db").slice(3)}`;
  {
    using store = openStore(fresh);
    writeInstance(store.database, instance);
    for (const kernel of plan.kernels) store.kernels.insert(kernel);
    for (const image of plan.images) store.images.insert(image);
    for (const volume of plan.volumes) store.volumes.insert(volume);
    for (const vm of plan.vms) store.vms.insert(vm);
    raiseRevision(store.database, Math.max(0, ...seen.objects.map(({ revision }) => revision ?? 0)) + 1);
    store.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  const kept = await keepOld(layout.database);
  await replaceFile(fresh, layout.database, "a database made by this call; the old one has just got another name");
  await syncDirectory(layout.stateDir);
  const { state, data, run } = instanceFolders(layout);
  for (const folder of [state, data]) await tellInstance(folder, instance);
  if (isOurRun(seen)) await tellInstance(run, instance);
  for (const note of plan.notes) log.warn({ note }, "rebuilding the state");
  log.info({ instance, kept, vms: plan.vms.length }, "the state is rebuilt");
  return {
    vms: plan.vms.length,
    images: plan.images.length,
    kernels: plan.kernels.length,
    volumes: plan.volumes.length,
    ...(kept !== undefined && { kept }),
    notes: [...plan.notes],
  };
}

function instanceOfDatabase({ database }: StateSeen): string | undefined {
  return database.is === "usable" ? database.instance : undefined;
}

/** What runs there is of this data's VMs. Else the folder may be another instance's, and that is for its user to say. */
function isOurRun({ runVms, objects }: StateSeen): boolean {
  return runVms.every((id) => objects.some((object) => object.id === id));
}

function gather({ database, objects }: StateSeen, layout: Layout): readonly Told[] {
  const rows = database.is === "usable" ? readRows(layout.database) : new Map<string, unknown>();
  return objects.map((object) => tell(object, layout, rows));
}

function tell({ table, id, path }: ObjectFolder, layout: Layout, rows: ReadonlyMap<string, unknown>): Told {
  try {
    return { table, id, path, object: readDescription(join(path, describedFolders(layout)[table].file)).object };
  } catch (error) {
    const row = rows.get(`${table}/${id}`);
    if (row !== undefined) return { table, id, path, object: row };
    const why = hasErrno(error, "ENOENT") ? "it does not say what it is" : "what it says of itself does not read";
    return { table, id, path, object: undefined, why };
  }
}

/** Documents by table and id, of a database that may be of an older banger. */
function readRows(path: string): ReadonlyMap<string, unknown> {
  using database = new DatabaseSync(path, { readOnly: true });
  return new Map(TABLES.flatMap((table) => rowsOf(database, table)));
}

function rowsOf(database: DatabaseSync, table: Table): readonly (readonly [string, unknown])[] {
  try {
    return database
      .prepare(`SELECT id, document FROM ${table}`)
      .all()
      .flatMap(({ id, document }) => {
        const object = parsed(String(document));
        return object === undefined ? [] : [[`${table}/${String(id)}`, object] as const];
      });
  } catch {
    return [];
  }
}

function parsed(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}

/** Removes databases that were never finished, since the daemon that made them died. */
async function dropUnfinished({ database, stateDir }: Layout): Promise<void> {
  for (const name of namesIn(stateDir).filter((one) => one.startsWith(basename(database)))) {
    if (!UNFINISHED.test(name.slice(basename(database).length))) continue;
    await removeFile(
      join(stateDir, name),
      "named as daemon recover names a database that it makes; whoever made it has lost the lock that is held here",
    );
  }
}

/** The end of the name of such a database, and of the files that SQLite keeps beside it. */
const UNFINISHED = /^\.new-[0-9a-z]{16}(?:-wal|-shm|-journal)?$/;

/** Moves the database aside with the files that SQLite keeps beside it. @returns its new place, where there was one. */
async function keepOld(path: string): Promise<string | undefined> {
  const place = `${path}.kept-${new Date().toISOString().replace(/[:.]/g, "-")}-${newId("db").slice(3, 9)}`;
  // The database goes last: until then a crash leaves what the next look refuses again.
  let moved = false;
  for (const end of ["-wal", "-shm", ""]) {
    try {
      await stat(`${path}${end}`);
      await replaceFile(`${path}${end}`, `${place}${end}`, "asked for by daemon recover; the new name is unique");
      moved = true;
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
  return moved ? place : undefined;
}

const runningSchema = z.object({ machine: hostProcessSchema });

/** Ids of VMs whose VMM lives: by pid and start time, so that whoever has its pid by now is not taken for it. */
async function aliveOf(told: readonly Told[]): Promise<ReadonlySet<string>> {
  const alive = new Set<string>();
  for (const { table, id, object } of told) {
    const running = table === "vms" ? runningSchema.safeParse(object).data : undefined;
    if (running !== undefined && (await isAlive(running.machine))) alive.add(id);
  }
  return alive;
}
