import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { hasErrno } from "../lib/errors.ts";
import { writeFileAtomicSync } from "../lib/files.ts";
import { readRegularFile } from "../lib/read-regular.ts";
import type { Describer } from "./rows.ts";

/** Far more than any object needs: who reads it bounds what a damaged one may cost. */
const MAX_BYTES = 4 * 1024 ** 2;

/** What an object's folder says of it, so that the state can be rebuilt from the folders alone. */
export interface Description {
  readonly instance: string;
  /** Of the state, when this was written. */
  readonly revision: number;
  readonly object: unknown;
}

const descriptionSchema = z.object({
  banger: z.literal(1),
  instance: z.string(),
  revision: z.number().int().nonnegative(),
  object: z.unknown(),
});

/** Where the objects of one noun have their folders, and what the file in each is called. */
export interface DescribedFolders {
  readonly folder: string;
  readonly file: string;
}

/** @throws Error that says why it does not read; `ENOENT` where there is none. */
export function readDescription(path: string): Description {
  return descriptionSchema.parse(JSON.parse(readRegularFile(path, MAX_BYTES).toString("utf8")));
}

/**
 * Writes each object beside its files. A file that cannot be written fails no change: the database has it, and the next
 * start writes it again.
 */
export function describeIn<T extends { readonly id: string }>(
  { folder, file }: DescribedFolders,
  instance: () => string,
  onFailure: (error: unknown, id: string) => void,
): Describer<T> {
  const write = (object: T, revision: number, durable: boolean): void => {
    const description = { banger: 1, instance: instance(), revision, object };
    writeFileAtomicSync(join(folder, object.id, file), JSON.stringify(description), { durable });
  };
  const inserted = (object: T, revision: number): void => {
    try {
      mkdirSync(join(folder, object.id), { recursive: true, mode: 0o700 });
      write(object, revision, true);
    } catch (error) {
      onFailure(error, object.id);
    }
  };
  return {
    inserted,
    kept(object, revision) {
      const told = tryRead(join(folder, object.id, file));
      const isSame =
        told?.instance === instance() && isDeepStrictEqual(told.object, JSON.parse(JSON.stringify(object)));
      if (!isSame) inserted(object, revision);
    },
    updated(object, revision) {
      try {
        // What a power cut takes of it, the database has, and the next start writes it again.
        write(object, revision, false);
      } catch (error) {
        // Its folder may just be going.
        if (!hasErrno(error, "ENOENT")) onFailure(error, object.id);
      }
    },
  };
}

function tryRead(path: string): Description | undefined {
  try {
    return readDescription(path);
  } catch {
    return undefined;
  }
}
