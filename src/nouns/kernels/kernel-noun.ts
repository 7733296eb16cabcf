import { kernelRoutes } from "../../api/routes/kernels.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import { viewBroken } from "../../model/broken.ts";
import type { Installation } from "../installation.ts";
import type { Slot } from "../slot.ts";
import { storeWith } from "../../core/store.ts";
import type { KernelStore } from "./kernel-store.ts";
import { kernelVerbs, type KernelVerbs } from "./kernel-verbs.ts";
import { kernelTable } from "./kernel-table.ts";
import { kernelSettlers } from "./settle-kernels.ts";

/** What VMs boot. */
export function kernelNoun({ agentPath, recipes }: Installation, opened: Slot<KernelVerbs>): Noun<typeof kernelRoutes> {
  return defineNoun<typeof kernelRoutes>({
    name: "kernel",
    tables: { kernels: kernelTable },
    routes: kernelRoutes,
    open(core) {
      const { layout, config } = core;
      const store = storeWith<KernelStore>(core.store, "kernels", "images");
      const kernels = kernelVerbs({ layout, config, store, agentPath, recipes });
      opened.set(kernels);
      return {
        settlers: kernelSettlers({ store, layout }),
        handlers: {
          kernelList: () => [...kernels.list(), ...kernels.broken().map(viewBroken)],
          kernelCatalogs: async (_input, { signal }) => [...(await kernels.catalogs(signal))],
          kernelInspect: ({ ref }) => kernels.inspect(ref),
          kernelPull: (input, request) => kernels.pull(input, request),
          kernelBuild: (input, request) => kernels.build(input, request),
          kernelImport: (input, request) => kernels.import(input, request),
          kernelDelete: async ({ ref, force }) => {
            await kernels.delete(ref, force);
            return {};
          },
        },
      };
    },
  });
}
