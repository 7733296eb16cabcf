/** What nouns above may use of volumes. */
export { isOpen, type VolumeVerbs } from "./volume-verbs.ts";
export { volumeTable } from "./volume-table.ts";
