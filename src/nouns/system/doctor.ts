import { canReflink } from "../../disk/probe-clone.ts";
import type { BangerError } from "../../lib/errors.ts";
import { configCheck, orphansCheck, stateCheck } from "../../host/checks/told.ts";
import { hostCaCheck } from "../../host/checks/host-ca.ts";
import { authoritiesOf, findAuthorities } from "../../host/find-authorities.ts";
import { runChecks } from "../../host/checks.ts";
import type { Config } from "../../model/config.ts";
import type { DoctorReport, HostCheck } from "../../model/doctor.ts";
import type { Layout } from "../../model/layout.ts";
import type { VmStore, Drivers, Networks } from "../vms/index.ts";
import { loadConfig } from "../../core/config.ts";
import { findOrphans } from "./state/find-orphans.ts";

export interface DoctorDependencies {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: VmStore;
  readonly drivers: Drivers;
  readonly networks: Networks;
  readonly env: NodeJS.ProcessEnv;
  /** Why the state cannot be used. */
  readonly trouble: BangerError | undefined;
}

/** Looks at this host as the daemon finds it. */
export function doctorVerb(deps: DoctorDependencies): (signal: AbortSignal) => Promise<DoctorReport> {
  const { layout, config, drivers, networks, env, trouble } = deps;
  return (signal) =>
    runChecks(
      {
        searchPath: env["PATH"],
        dataDir: layout.dataDir,
        registries: ["https://registry-1.docker.io/v2/"],
        kvm: () => drivers.kvm(),
        canReflink,
        drivers: drivers.checks(),
        more: [
          ...networks.checks(signal),
          hostCaCheck(() => {
            const { host_ca: configured } = config.vm;
            return typeof configured === "string" ? authoritiesOf(configured) : findAuthorities([]);
          }),
          configCheck(layout.configFile, () => loadConfig(layout.configFile)),
          daemonCheck(layout),
          stateCheck(layout.database, trouble),
          // A state that is not this data's knows nothing of it.
          ...(trouble === undefined ? [orphansCheck(() => findOrphans(deps))] : []),
        ],
      },
      signal,
    );
}

/** Whoever reads this has asked a daemon: all that can be wrong is said elsewhere. */
function daemonCheck(layout: Layout): HostCheck {
  return {
    name: "daemon",
    why: "bangerd keeps the state and starts VMs; they go on without it",
    essential: false,
    look: () =>
      Promise.resolve({
        result: "ok",
        summary: `runs, pid ${process.pid}`,
        data: { pid: process.pid, socket: layout.socket },
      }),
  };
}
