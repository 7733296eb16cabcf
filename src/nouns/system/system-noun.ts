import { daemonRoutes } from "../../api/routes/daemon.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import { untilAborted } from "../../lib/deadline.ts";
import { toErrorBody } from "../../lib/errors.ts";
import { VERSION } from "../../lib/version.ts";
import { doctorVerb } from "./doctor.ts";
import type { Slot } from "../slot.ts";
import { stateVerbs } from "./state/state-verbs.ts";
import type { VmContext } from "../vms/index.ts";

/** The daemon itself, its state and its host. */
export function systemNoun(env: NodeJS.ProcessEnv, vms: Slot<VmContext>): Noun<typeof daemonRoutes> {
  return defineNoun<typeof daemonRoutes>({
    name: "system",
    tables: {},
    routes: daemonRoutes,
    open(core) {
      const { layout, config, trouble, startedAt } = core;
      const context = vms.get();
      const { store, drivers, networks } = context;
      const doctor = doctorVerb({ layout, config, store, drivers, networks, env, trouble });
      const state = stateVerbs(context, { trouble, hold: () => core.hold(), stop: () => core.stop() });
      return {
        handlers: {
          daemonStatus: async (_input, { signal }) => ({
            version: VERSION,
            pid: process.pid,
            startedAt,
            socket: layout.socket,
            dataDir: layout.dataDir,
            log: layout.daemonLog,
            runningVms: store.vms.list().filter(({ machine }) => machine !== undefined).length,
            recovered: [...(await untilAborted(core.found(), signal))],
            ...(trouble !== undefined && { refuses: toErrorBody(trouble) }),
          }),
          daemonStop: () => {
            core.stop();
            return {};
          },
          daemonRecover: () => state.rebuild(),
          systemOrphans: async () => [...(await state.orphans())],
          systemOrphansDelete: async (input) => [...(await state.deleteOrphans(input))],
          doctor: (_input, { signal }) => doctor(signal),
        },
      };
    },
  });
}
