import { appendFileSync, readFileSync } from "node:fs";
import { dieAtOnce } from "../lib/destroy.ts";
import { hasErrno } from "../lib/errors.ts";

/**
 * Places between two steps at which tests let the daemon die or fail: `BANGER_FAULT=vm.create/begun=kill`. Each is known by
 * name before it is reached, so that a list of all can be held against those that were visited
 * (`BANGER_FAULT_VISITS` names the file that says which). `BANGER_FAULT=/FILE` is a file that says where, read anew at each
 * place: so tests need not start a daemon for each of them.
 */
const points = new Set<string>();

/** Declares places, and gives the function that marks them in the code. */
export function faultPoints<P extends string>(of: string, names: readonly P[]): (name: P) => void {
  for (const name of names) points.add(`${of}/${name}`);
  return (name) => reach(`${of}/${name}`);
}

/** All places that this program has, in the order of their names. */
export function allFaultPoints(): readonly string[] {
  return [...points].toSorted();
}

/** @throws Error where the environment asks for one here. */
function reach(point: string): void {
  const visits = process.env["BANGER_FAULT_VISITS"];
  if (visits !== undefined) appendFileSync(visits, `${point}\n`);
  const [name, action = "kill"] = wanted().split("=");
  if (name !== point) return;
  if (action === "kill") dieAtOnce("a test asked for it by BANGER_FAULT");
  throw new Error(`${point} failed since BANGER_FAULT asked for it`);
}

function wanted(): string {
  const said = process.env["BANGER_FAULT"] ?? "";
  if (!said.startsWith("/")) return said;
  try {
    return readFileSync(said, "utf8").trim();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "";
    throw error;
  }
}
