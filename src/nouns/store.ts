import { openStore as openTables, type Store as StoreOf, type StoreOptions } from "../core/store.ts";
import { imageTable } from "./images/image-table.ts";
import { kernelTable } from "./kernels/kernel-table.ts";
import { volumeTable } from "./volumes/volume-table.ts";
import { vmTable } from "./vms/vm-table.ts";
import { workspaceTable } from "./workspaces/workspace-table.ts";

/** What banger keeps. */
const TABLES = {
  kernels: kernelTable,
  images: imageTable,
  volumes: volumeTable,
  vms: vmTable,
  workspaces: workspaceTable,
} as const;

export type Store = StoreOf<typeof TABLES>;

/** @throws BangerError `STATE_CORRUPT`. */
export function openStore(path: string, options?: StoreOptions): Store {
  return openTables(path, TABLES, options);
}
