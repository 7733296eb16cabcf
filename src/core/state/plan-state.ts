import { BangerError } from "../../lib/errors.ts";
import type { Layout } from "../../model/layout.ts";
import type { DatabaseSeen } from "../../store/peek-database.ts";
import type { FolderName, ObjectFolder, StateSeen } from "./look-at-state.ts";

/** Whose the folders are, and which of them are to be told so. */
export interface StatePlan {
  /** Absent: a new one is to be made. */
  readonly instance?: string;
  readonly tell: readonly FolderName[];
}

/**
 * Decides whether state, data and run folder belong together. Where they do not, nothing may be opened: rows that do not
 * know of a VM's files would have them counted for nobody's.
 *
 * @throws BangerError `STATE_CORRUPT`, `STATE_MISMATCH`.
 */
export function planState(seen: StateSeen, layout: Layout): StatePlan {
  const { database, instances, objects } = seen;
  if (database.is === "unusable") throw database.error;
  const known = database.is === "usable" ? database.instance : undefined;
  const hasRows = database.is === "usable" && Object.values(database.ids).some(({ size }) => size > 0);
  if (objects.length > 0 || hasRows) checkOne(seen, known, layout);
  if (known === undefined) {
    if (objects.length > 0) checkAdoption(seen, database, layout);
  } else {
    checkAge(objects, database, layout);
    if (hasRows && instances.data === undefined) checkDataIsHere(objects, database, layout);
  }
  const instance = known ?? instances.data ?? instances.state;
  checkRunFolder(seen, instance, layout);
  const tell = (["state", "data", "run"] as const).filter(
    (name) => instance === undefined || instances[name] !== instance,
  );
  return { ...(instance !== undefined && { instance }), tell };
}

/** Whatever names an instance must name the same. */
function checkOne({ instances }: StateSeen, known: string | undefined, layout: Layout): void {
  const { state, data } = instances;
  const names = new Set([known, state, data].filter((name) => name !== undefined));
  if (names.size < 2) return;
  const says = (what: string, id: string | undefined): readonly string[] =>
    id === undefined ? [] : [`${what} is of ${id}`];
  throw new BangerError("STATE_MISMATCH", {
    what: "the state and the data are not of one instance of banger",
    why: [
      ...says(`the database ${layout.database}`, known),
      ...says(`its folder ${layout.stateDir}`, state),
      ...says(`the data in ${layout.dataDir}`, data),
    ].join(", "),
    fix: WAYS_OUT,
    data: { database: known ?? null, state: state ?? null, data: data ?? null },
  });
}

/** A database that names no instance may be of an older banger, with its data; or it is none of this data's. */
function checkAdoption({ instances, objects }: StateSeen, database: DatabaseSeen, layout: Layout): void {
  const rows = database.is === "usable" ? database.ids : undefined;
  const isNamed = instances.data !== undefined || instances.state !== undefined;
  const isOurs = rows !== undefined && objects.some(({ table, id }) => rows[table].has(id));
  if (isOurs && !isNamed) return;
  const there = count(objects);
  const why =
    rows === undefined
      ? `${layout.dataDir} holds ${there}, and there is no database in ${layout.stateDir}`
      : isNamed
        ? `${layout.dataDir} holds ${there}, and the database ${layout.database} does not say that it belongs to it`
        : `${layout.dataDir} holds ${there}, and the database ${layout.database} knows none of them`;
  throw new BangerError("STATE_MISMATCH", {
    what: "there is data without its database",
    why,
    fix: WAYS_OUT,
    data: { objects: objects.length },
  });
}

/** What a folder says of its object is never newer than the database: else this is a copy of former days. */
function checkAge(objects: readonly ObjectFolder[], database: DatabaseSeen, layout: Layout): void {
  if (database.is !== "usable") return;
  const newer = objects.filter(({ revision }) => revision !== undefined && revision > database.revision);
  if (newer.length === 0) return;
  throw new BangerError("STATE_MISMATCH", {
    what: "the database is older than the data",
    why: `${count(newer)} in ${layout.dataDir} changed after ${layout.database} was written: it is a copy of former days`,
    fix: WAYS_OUT,
    data: { revision: database.revision, newest: Math.max(...newer.map(({ revision }) => revision ?? 0)) },
  });
}

/** A data folder that says nothing of itself, and has nothing that the database knows, is another one. */
function checkDataIsHere(objects: readonly ObjectFolder[], database: DatabaseSeen, layout: Layout): void {
  if (database.is !== "usable" || objects.some(({ table, id }) => database.ids[table].has(id))) return;
  throw new BangerError("STATE_MISMATCH", {
    what: "the data of this state is not here",
    why: `${layout.dataDir} holds nothing that the database ${layout.database} knows`,
    fix: "set XDG_DATA_HOME to the folder that this state was made with; or begin anew with `banger daemon recover`, which keeps the database under another name",
  });
}

/** A run folder goes with the host's every boot; one in which another instance's VMs run is not ours to take. */
function checkRunFolder({ instances, runVms }: StateSeen, instance: string | undefined, layout: Layout): void {
  const { run } = instances;
  if (run === undefined || run === instance || runVms.length === 0) return;
  throw new BangerError("STATE_MISMATCH", {
    what: "VMs of another instance of banger run here",
    why: `${layout.runDir} is of ${run}, the data in ${layout.dataDir} is of ${instance ?? "none yet"}`,
    fix: "set XDG_STATE_HOME and XDG_DATA_HOME to that instance's folders, or XDG_RUNTIME_DIR to another folder",
    data: { run, instance: instance ?? null },
  });
}

const WAYS_OUT =
  "set XDG_STATE_HOME to the folder that this data was made with; or XDG_DATA_HOME to another folder, to begin anew; " +
  "or rebuild the database from the data with `banger daemon recover`";

function count(objects: readonly ObjectFolder[]): string {
  const words = { vms: "VM", volumes: "volume", images: "image", kernels: "kernel" } as const;
  return (["vms", "volumes", "images", "kernels"] as const)
    .map((table) => ({ word: words[table], many: objects.filter((object) => object.table === table).length }))
    .filter(({ many }) => many > 0)
    .map(({ word, many }) => `${many} ${word}${many === 1 ? "" : "s"}`)
    .join(", ");
}
