import type { BangerError } from "../lib/errors.ts";

/** How failures are told to the user: what the server is to him, and what he can do, only its client knows. */
export interface Failures {
  /** It must not be asked: where a server leads may be none of its business. */
  refused(url: URL, why: string): BangerError;
  /** It does not answer, or not as it should. */
  unreachable(url: URL, why: string, cause?: unknown): BangerError;
  /** Its certificate is no good. */
  untrusted(url: URL, cause: unknown): BangerError;
}
