import { CheckStatus, type CheckResult, type Checker } from "@stryker-mutator/api/check";
import type { Mutant } from "@stryker-mutator/api/core";
import { createHash } from "node:crypto";
import { relative } from "node:path";

/** What a mutant is, wherever the tree lies: the same in the next run, so that a sample can be drawn again. */
type Drawn = Pick<Mutant, "id" | "fileName" | "location" | "mutatorName" | "replacement">;

/** Changed, it draws other mutants. */
const SEED = "banger";

/**
 * Draws mutants at random, but the same ones each time: a smaller sample is part of a larger one, and tests that are
 * written between two runs change none of it.
 *
 * @param size how many are wanted; all where there are no more.
 * @returns their ids.
 */
export function drawSample(mutants: readonly Drawn[], size: number, root: string): ReadonlySet<string> {
  const lots = mutants.map((mutant) => ({ id: mutant.id, lot: lotOf(mutant, root) }));
  const drawn = lots.toSorted((a, b) => (a.lot < b.lot ? -1 : 1)).slice(0, size);
  return new Set(drawn.map(({ id }) => id));
}

function lotOf({ fileName, location, mutatorName, replacement }: Drawn, root: string): string {
  const what = [SEED, relative(root, fileName), location.start, location.end, mutatorName, replacement];
  return createHash("sha256").update(JSON.stringify(what)).digest("hex");
}

/**
 * A checker of Stryker's: what it refuses is not run and does not count. It sees all mutants of a run at once, since it
 * asks for them as one group.
 */
function makeSampler(options: { readonly sample: number }): Checker {
  return {
    init: async () => {},
    group: async (mutants) => [mutants.map(({ id }) => id)],
    check: async (mutants) => {
      const drawn = drawSample(mutants, options.sample, process.cwd());
      return Object.fromEntries(mutants.map(({ id }) => [id, drawn.has(id) ? TAKEN : LEFT]));
    },
  };
}
makeSampler.inject = ["options"] as const;

const TAKEN: CheckResult = { status: CheckStatus.Passed };
const LEFT: CheckResult = { status: CheckStatus.CompileError, reason: "not drawn" };

/** How Stryker finds it: by this name of an export. */
export const strykerPlugins = [{ kind: "Checker", name: "sample", factory: makeSampler }];
