import { BangerError } from "../../lib/errors.ts";

/** An end of a copy: in a VM, on this host, or an archive on a standard stream. */
export type End =
  | { readonly kind: "vm"; readonly ref: string; readonly path: string }
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "stream" };

/**
 * Reads an end as it is typed. `VM:PATH` is in a VM, where nothing before the colon has a slash: `./a:b` is a file here.
 * A VM's own folder, `VM:`, is its user's home.
 */
export function readEnd(word: string): End {
  if (word === "-") return { kind: "stream" };
  const remote = /^([^/:]+):(.*)$/s.exec(word);
  if (remote === null) return { kind: "local", path: word };
  return { kind: "vm", ref: remote[1] ?? "", path: remote[2] === "" ? "." : (remote[2] ?? ".") };
}

/** An end as people read it. */
export function endText(end: End): string {
  switch (end.kind) {
    case "vm":
      return `${end.ref}:${end.path}`;
    case "local":
      return end.path;
    case "stream":
      return "-";
  }
}

/** What stands at an end: nothing, a folder, or something else, with its size where that says something. */
export type Found = { readonly isFolder: boolean; readonly sizeBytes?: number | undefined } | undefined;

/** Where a copy goes: under which name, into which folder that is there. */
export interface Placing {
  readonly folder: string;
  readonly name: string;
}

/**
 * Where a copy of something goes, as cp(1) has it: into a folder that is there, by its own name; else by the target's name.
 *
 * @throws BangerError `PATH_NOT_FOUND` for a folder that is not there; `FILE_UNFIT` where neither end has a name.
 */
export function planPlacing(source: string, target: string, found: Found): Placing {
  const folder = target.replace(/\/+$/, "");
  if (found?.isFolder === true) {
    const name = lastPart(source);
    if (name !== undefined) return { folder: target, name };
    throw new BangerError("FILE_UNFIT", {
      what: `${source} has no name to be called by in ${target}`,
      fix: "name a target that is not there yet: it becomes that",
    });
  }
  const name = lastPart(target);
  if (target.endsWith("/") || name === undefined) {
    throw new BangerError(found === undefined ? "PATH_NOT_FOUND" : "FILE_UNFIT", {
      what: `${target} is no folder`,
      fix: "make it first, or name the copy itself",
    });
  }
  const cut = folder.lastIndexOf("/");
  return { folder: cut === -1 ? "." : cut === 0 ? "/" : folder.slice(0, cut), name };
}

/** The last part of a path, where it is a name. */
function lastPart(path: string): string | undefined {
  const last = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return last === "" || last === "." || last === ".." ? undefined : last;
}
