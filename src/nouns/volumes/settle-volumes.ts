import { intentKind, onwardIntentKind } from "../../core/intents.ts";
import type { Settler } from "../../core/recovery.ts";
import { removeTree } from "../../lib/destroy.ts";
import type { VolumeContext } from "./volume-context.ts";

/** A volume that is made, until it has its row. */
export const VOLUME_ADD = intentKind("volume.add");
export const VOLUME_DELETE = onwardIntentKind("volume.delete");

/** How what a daemon left half-done with volumes is settled. */
export function volumeSettlers({ store, layout }: VolumeContext): readonly Settler[] {
  return [
    {
      kind: VOLUME_ADD,
      settle: async ({ subject }) => {
        if (store.volumes.find(subject) !== undefined) return undefined;
        await removeTree(layout.volumesDir, subject, "named by the open intent volume.add; it never got its row");
        return "undid a volume that was being made";
      },
    },
    {
      kind: VOLUME_DELETE,
      settle: async ({ subject }) => {
        store.volumes.delete(subject);
        await removeTree(layout.volumesDir, subject, "named by the open intent volume.delete");
        return "finished deleting a volume";
      },
    },
  ];
}
