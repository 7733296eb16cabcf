import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import type { Counts, FileTime, ToldTest } from "./counts.ts";

/**
 * A reporter for `node --test`: one JSON document of {@link Counts} once all files have run.
 * Suites are not counted; a file that cannot be loaded is one failed test.
 */
export default async function* countingReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  const failed: ToldTest[] = [];
  const skipped: ToldTest[] = [];
  const files: FileTime[] = [];
  for await (const { type, data } of events) {
    if (type === "test:summary" && data.file !== undefined)
      files.push({ file: relative(process.cwd(), data.file), seconds: data.duration_ms / 1000 });
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details.type === "suite") continue;
    const { skip, todo } = data;
    if (type === "test:fail" && todo === undefined)
      failed.push({ name: placed(data), reason: messageOf(data.details.error) });
    else if (skip === undefined && todo === undefined) passed += 1;
    else skipped.push({ name: data.name, reason: reasonOf(skip) ?? reasonOf(todo) ?? "" });
  }
  yield JSON.stringify({ passed, failed, skipped, files } satisfies Counts);
}

/** A test's name with its file, relative to where the run was started. */
function placed({ name, file }: { readonly name: string; readonly file?: string }): string {
  return file === undefined || file === name ? name : `${relative(process.cwd(), file)}: ${name}`;
}

/** The words of what a test threw, which Node wraps in an error of its own. */
function messageOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? cause.message : error.message;
}

function reasonOf(said: string | boolean | undefined): string | undefined {
  return typeof said === "string" ? said : undefined;
}
