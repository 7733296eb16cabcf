import { imageSchema, type Image } from "../model/image.ts";
import { kernelSchema, type Kernel } from "../model/kernel.ts";
import { vmSchema, type Vm } from "../model/vm.ts";
import { openCollection, type Collection } from "./collection.ts";
import { openDatabase } from "./database.ts";
import { openIntentLog, type IntentLog } from "./intents.ts";
import { openSeenCatalogs, type SeenCatalogs } from "./seen-catalogs.ts";

/** All that banger remembers. */
export interface Store extends Disposable {
  readonly kernels: Collection<Kernel>;
  readonly images: Collection<Image>;
  readonly vms: Collection<Vm>;
  readonly intents: IntentLog;
  readonly seenCatalogs: SeenCatalogs;
  /** Makes several changes one transaction: all of it is done, or nothing. */
  atomically(change: () => void): void;
}

/** @throws BangerError `STATE_CORRUPT`. */
export function openStore(path: string): Store {
  const database = openDatabase(path);
  return {
    kernels: openCollection(
      database,
      {
        table: "kernels",
        singular: "kernel",
        notFound: "KERNEL_NOT_FOUND",
        listCommand: "banger kernel list",
      },
      kernelSchema,
    ),
    images: openCollection(
      database,
      { table: "images", singular: "image", notFound: "IMAGE_NOT_FOUND", listCommand: "banger image list" },
      imageSchema,
    ),
    vms: openCollection(
      database,
      { table: "vms", singular: "VM", notFound: "VM_NOT_FOUND", listCommand: "banger vm list" },
      vmSchema,
    ),
    intents: openIntentLog(database),
    seenCatalogs: openSeenCatalogs(database),
    atomically(change) {
      database.exec("BEGIN IMMEDIATE");
      try {
        change();
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    [Symbol.dispose]: () => database.close(),
  };
}
