import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/lib/error-codes.ts";
import { BangerError } from "../../src/lib/errors.ts";

/** Asserts that something fails with this code, and says this. */
export async function expectCode(work: Promise<unknown>, code: ErrorCode, says: RegExp = /./): Promise<BangerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) assert.fail(`expected ${code}, and it succeeded`);
  if (!(error instanceof BangerError)) throw error;
  assert.equal(error.code, code, error.stack);
  assert.match(error.message, says);
  return error;
}
