import { BangerError } from "../../../lib/errors.ts";
import type { PausedBecause } from "../../../model/paused-because.ts";
import { hostDiskFull } from "./host-disk-full.ts";

/** What a command is told that asks something of a VM that stands still, though nobody paused it. */
export function standsStill(name: string, because: PausedBecause): BangerError {
  if (because.kind === "host-disk-full") return hostDiskFull(name, because);
  const { reason, since } = because;
  return new BangerError("VMM_FAILED", {
    what: `VM ${name} is paused, because its VMM stopped it`,
    why: `the VMM gives as its reason, since ${since}: ${reason}`,
    fix: `let it go on with \`banger vm resume ${name}\`; if the VMM refuses, end it with \`banger vm stop --force ${name}\``,
    data: { reason, since },
  });
}

/** Whether a machine stands still though nobody asked for it, for who waits for its guest meanwhile. */
export class Stall {
  #because: PausedBecause | undefined;
  #begun = new AbortController();

  get because(): PausedBecause | undefined {
    return this.#because;
  }

  /** Aborts, with the error that tells of it, when the machine stops next. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  begin(name: string, because: PausedBecause): void {
    this.#because = because;
    this.#begun.abort(standsStill(name, because));
  }

  end(): void {
    if (this.#because === undefined) return;
    this.#because = undefined;
    this.#begun = new AbortController();
  }
}
