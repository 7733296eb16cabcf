import type { DatabaseSync } from "node:sqlite";
import { imageSchema, type Image } from "../model/image.ts";
import { kernelSchema, type Kernel } from "../model/kernel.ts";
import type { Layout } from "../model/layout.ts";
import { describedFolders } from "../model/layout.ts";
import { vmSchema, type Vm } from "../model/vm.ts";
import { openCollection, type Collection, type Describer, type Noun } from "./collection.ts";
import { openDatabase } from "./database.ts";
import { describeIn } from "./descriptions.ts";
import { readInstance, type InstanceRow } from "./instance-row.ts";
import { openIntentLog, type IntentLog } from "./intents.ts";
import { openSeenCatalogs, type SeenCatalogs } from "./seen-catalogs.ts";
import { transactions, type Transactions } from "./transaction.ts";

/** All that banger remembers. */
export interface Store extends Disposable {
  readonly kernels: Collection<Kernel>;
  readonly images: Collection<Image>;
  readonly vms: Collection<Vm>;
  readonly intents: IntentLog;
  readonly seenCatalogs: SeenCatalogs;
  /** Makes several changes one transaction: all of it is done, or nothing. */
  atomically(change: () => void): void;
  /** What the database says of itself. */
  instance(): InstanceRow;
  /** Writes what every folder says of its object anew: some may be of an older banger, or could not be written. */
  describeAll(): void;
  readonly database: DatabaseSync;
}

export const NOUNS = {
  kernels: { table: "kernels", singular: "kernel", notFound: "KERNEL_NOT_FOUND", listCommand: "banger kernel list" },
  images: { table: "images", singular: "image", notFound: "IMAGE_NOT_FOUND", listCommand: "banger image list" },
  vms: { table: "vms", singular: "VM", notFound: "VM_NOT_FOUND", listCommand: "banger vm list" },
} as const satisfies Record<string, Noun>;

export interface StoreOptions {
  /** Where objects have their folders; without it nothing is written but the database. */
  readonly layout: Layout;
  /** Hears what could not be written beside an object's files. */
  readonly onFailure: (error: unknown, id: string) => void;
}

/** @throws BangerError `STATE_CORRUPT`. */
export function openStore(path: string, options?: StoreOptions): Store {
  const database = openDatabase(path);
  const instance = (): InstanceRow => readInstance(database);
  const transaction = transactions(database);
  const describers = options && describersOf(options, () => instance().id ?? "", transaction);
  const kernels = openCollection(database, NOUNS.kernels, kernelSchema, describers?.kernels);
  const images = openCollection(database, NOUNS.images, imageSchema, describers?.images);
  const vms = openCollection(database, NOUNS.vms, vmSchema, describers?.vms);
  return {
    kernels,
    images,
    vms,
    intents: openIntentLog(database),
    seenCatalogs: openSeenCatalogs(database),
    atomically: (change) => transaction.run(change),
    instance,
    describeAll() {
      const { revision } = instance();
      for (const kernel of kernels.list()) describers?.kernels.kept(kernel, revision);
      for (const image of images.list()) describers?.images.kept(image, revision);
      for (const vm of vms.list()) describers?.vms.kept(vm, revision);
    },
    database,
    [Symbol.dispose]: () => database.close(),
  };
}

interface Describers {
  readonly kernels: Describer<Kernel>;
  readonly images: Describer<Image>;
  readonly vms: Describer<Vm>;
}

function describersOf(
  { layout, onFailure }: StoreOptions,
  instance: () => string,
  transaction: Transactions,
): Describers {
  const { kernels, images, vms } = describedFolders(layout);
  return {
    kernels: transaction.telling(describeIn<Kernel>(kernels, instance, onFailure)),
    images: transaction.telling(describeIn<Image>(images, instance, onFailure)),
    vms: transaction.telling(describeIn<Vm>(vms, instance, onFailure)),
  };
}
