import { z } from "zod";
import type { ErrorBody } from "../lib/errors.ts";
import { terminalSizeSchema, type GuestSession } from "../model/session.ts";

const { rows, cols } = terminalSizeSchema.shape;

/**
 * The WebSocket of `vmSessionAttach`. Binary frames are as those of `vmExec` (exec-streams.ts); stdin has no end here. The
 * client begins with `start`. The server answers `started`, brings a terminal's screen as it is, or the last of what was printed,
 * then what comes, and ends with `exit` or `error`. Closing the socket lets the session go, which goes on.
 */
export const attachClientFrameSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("start"),
    /** Be the one who writes; `SESSION_BUSY` where there is another. Who does not write can only watch. */
    write: z.boolean().default(true),
    /** Take over from who writes, for whom it ends with `SESSION_TAKEN`. */
    steal: z.boolean().default(false),
    /** Of the writer's terminal: the session's takes its size. */
    size: z.strictObject({ rows, cols }).optional(),
  }),
  z.strictObject({ type: z.literal("resize"), rows, cols }),
  z.strictObject({ type: z.literal("signal"), signal: z.string().regex(/^SIG[A-Z0-9]{2,10}$/) }),
]);
export type AttachClientFrame = z.input<typeof attachClientFrameSchema>;
export type AttachStart = Extract<z.output<typeof attachClientFrameSchema>, { type: "start" }>;

export type AttachServerFrame =
  | { readonly type: "started"; readonly session: GuestSession }
  /** `code` is null where nobody saw how it ended. */
  | {
      readonly type: "exit";
      readonly code: number | null;
      readonly signal?: string | undefined;
      readonly session: GuestSession;
    }
  | { readonly type: "error"; readonly error: ErrorBody };
