import type { Driver } from "../../src/vmm/driver.ts";

/** A driver on which the conformance tests are run. */
export interface Candidate {
  readonly name: string;
  driver(): Driver;
  /** What start-and-die.ts is told behind the machine. */
  readonly startAndDie: readonly string[];
  /** Why it cannot be run here. */
  readonly skip?: string | undefined;
  /** Whether the VMM keeps two machines from one disk; where it does not, banger's own states do. */
  readonly locksDisks: boolean;
  /** Whether the VMM's own process is held to the system calls that it needs (seccomp(2)). */
  readonly filtersSystemCalls: boolean;
  /** Whether a guest reads a disk's id as its serial number. */
  readonly namesDisks: boolean;
}

const LIMIT_MS = 60_000;
export const limit = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);
