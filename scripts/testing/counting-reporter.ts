import type { TestEvent } from "node:test/reporters";
import type { Counts, SkippedTest } from "./counts.ts";

/**
 * A reporter for `node --test`: one JSON document of {@link Counts} once all files have run.
 * Suites are not counted; a file that cannot be loaded is one failed test.
 */
export default async function* countingReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  const skipped: SkippedTest[] = [];
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details.type === "suite") continue;
    const { skip, todo } = data;
    if (type === "test:fail" && todo === undefined) failed += 1;
    else if (skip === undefined && todo === undefined) passed += 1;
    else skipped.push({ name: data.name, reason: reasonOf(skip) ?? reasonOf(todo) ?? "" });
  }
  yield JSON.stringify({ passed, failed, skipped } satisfies Counts);
}

function reasonOf(said: string | boolean | undefined): string | undefined {
  return typeof said === "string" ? said : undefined;
}
