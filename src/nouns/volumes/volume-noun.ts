import { volumeRoutes } from "../../api/routes/volumes.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import { storeWith } from "../../core/store.ts";
import { viewBroken } from "../../model/broken.ts";
import type { Slot } from "../slot.ts";
import { volumeSettlers } from "./settle-volumes.ts";
import type { VolumeStore } from "./volume-context.ts";
import { volumeVerbs, type VolumeVerbs } from "./volume-verbs.ts";
import { volumeTable } from "./volume-table.ts";

/** Disks with a file system that outlive the VMs that mount them. */
export function volumeNoun(opened: Slot<VolumeVerbs>): Noun<typeof volumeRoutes> {
  return defineNoun<typeof volumeRoutes>({
    name: "volume",
    tables: { volumes: volumeTable },
    routes: volumeRoutes,
    open({ layout, store: all }) {
      const store = storeWith<VolumeStore>(all, "volumes", "vms");
      const volumes = volumeVerbs({ layout, store });
      opened.set(volumes);
      return {
        settlers: volumeSettlers({ layout, store }),
        handlers: {
          volumeList: async () => [...(await volumes.list()), ...volumes.broken().map(viewBroken)],
          volumeInspect: ({ ref }) => volumes.inspect(ref),
          volumeCreate: ({ name, sizeBytes }, request) => volumes.create(name, sizeBytes, request),
          volumeResize: ({ ref, sizeBytes }, request) => volumes.resize(ref, sizeBytes, request),
          volumeDelete: async ({ ref, force }) => {
            await volumes.delete(ref, force);
            return {};
          },
        },
      };
    },
  });
}
