import type { AgentClient, AgentExec } from "../../../guest/agent-client.ts";
import { BangerError } from "../../../lib/errors.ts";
import { sharedConnection } from "../../../lib/shared-connection.ts";
import { Stall } from "./stall.ts";
import type { Machine } from "../../../vmm/driver.ts";

/** The image's own command as it runs for a client, which a stop of the VM asks to end by its own signal first. */
export interface MainCommand {
  readonly running: AgentExec;
  readonly stopSignal: string;
}

/** What the last connection told of the guest. */
export interface GuestFacts {
  readonly abilities: ReadonlySet<string>;
  readonly bootId?: string;
}

/** A VM whose VMM runs, as this daemon knows it. */
export interface LiveVm {
  readonly machine: Machine;
  /** Connects to the agent on first use, and anew after the line broke. Callers share one connection; each may give up. */
  agent(signal: AbortSignal): Promise<AgentClient>;
  /** Whether the machine is kept still on purpose: a connection that there is then outlasts the silence. */
  keepStill(isStill: boolean): void;
  /** Whether it stands still though nobody asked for it. */
  readonly stall: Stall;
  /** Set once somebody asked for the end of this machine: what follows is no crash. */
  ending: boolean;
  /** Absent until its agent has answered this daemon. */
  guest?: GuestFacts;
  /** Set where the guest's processors have stopped for good, so that its machine was ended from here. */
  halted?: boolean;
  /** What the image says it runs, while a client runs it. */
  readonly mainCommands: Set<MainCommand>;
  /** Aborts when banger lets go of the machine. */
  readonly lifetime: AbortSignal;
  close(): Promise<void>;
}

type Connect = (machine: Machine, signal: AbortSignal) => Promise<AgentClient>;

export function liveVm(machine: Machine, connect: Connect): LiveVm {
  const lifetime = new AbortController();
  let still = false;
  // The connection belongs to the VM, not to the request that happened to need it first.
  const connection = sharedConnection(async (signal) => {
    const client = await connect(machine, AbortSignal.any([lifetime.signal, signal]));
    client.keepStill(still);
    return client;
  });
  return {
    machine,
    stall: new Stall(),
    ending: false,
    mainCommands: new Set(),
    lifetime: lifetime.signal,
    agent: (signal) => connection.get(AbortSignal.any([lifetime.signal, signal])),
    keepStill(isStill) {
      still = isStill;
      connection.current()?.keepStill(isStill);
    },
    async close() {
      lifetime.abort(letGo());
      connection.close();
    },
  };
}

function letGo(): BangerError {
  return new BangerError("AGENT_UNREACHABLE", {
    what: "the VM's machine has ended, or is being ended",
    fix: "see what it does with `banger vm list`",
  });
}
