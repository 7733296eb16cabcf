import { after, before, suite } from "node:test";
import { ansibleTests } from "./dev-ansible.ts";
import { buildTests } from "./dev-builds.ts";
import { debuggerTests } from "./dev-debuggers.ts";
import { type DevInit, devGuest } from "./dev-guest.ts";
import { terminalTests } from "./dev-terminals.ts";
import { transferTests } from "./dev-transfers.ts";
import type { ProgramGuest, ProgramKernel } from "./program-guest.ts";

/** Developers' tools in one VM, one after the other; those last that restart it. */
export function devSuite(kernel: ProgramKernel, init: DevInit): void {
  suite(`developers' tools on ${kernel}, ${init} as init`, { timeout: 3_500_000 }, () => {
    let guest: ProgramGuest;
    before(async () => {
      guest = await devGuest(kernel, init);
    });
    after(() => guest[Symbol.asyncDispose]());

    terminalTests(() => guest);
    transferTests(() => guest);
    debuggerTests(() => guest);
    buildTests(() => guest);
    // Its modules for services and reboots need systemd.
    if (init === "systemd") ansibleTests(() => guest);
  });
}
