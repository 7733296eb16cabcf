import { z } from "zod";
import type { ErrorBody } from "../lib/errors.ts";
import { shapeOf } from "../model/fields/schema-of.ts";
import { EXEC_FIELDS } from "../model/fields/vm-fields.ts";

export { MAX_FRAME_BYTES, STDERR, STDIN, STDOUT } from "./exec-streams.ts";

const ttySchema = z.strictObject({
  rows: z.number().int().min(1).max(65_535),
  cols: z.number().int().min(1).max(65_535),
  term: z.string().max(64).default("xterm-256color"),
});

export const execClientFrameSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("start"),
    /** The command, as it is. */
    argv: z.array(z.string()).min(1).optional(),
    /** In place of `argv`: the image's own command, with these words in place of its CMD where there are any. */
    command: z.array(z.string()).optional(),
    ...shapeOf(EXEC_FIELDS, { env: z.record(z.string(), z.string()).default({}), tty: ttySchema.optional() }),
    /** Delete the VM when this connection is gone, if it was created as `ephemeral`. */
    owner: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal("resize"), rows: ttySchema.shape.rows, cols: ttySchema.shape.cols }),
  z.strictObject({ type: z.literal("signal"), signal: z.string().regex(/^SIG[A-Z0-9]{2,10}$/) }),
]);
export type ExecClientFrame = z.input<typeof execClientFrameSchema>;
export type ExecStart = Extract<z.output<typeof execClientFrameSchema>, { type: "start" }>;

export type ExecServerFrame =
  | { readonly type: "started"; readonly pid: number }
  | { readonly type: "exit"; readonly code: number; readonly signal?: string | undefined }
  | { readonly type: "error"; readonly error: ErrorBody };

/**
 * The WebSockets of `vmConsole` and `vmForward`: binary frames are bytes; a text frame is one of these.
 * `end` closes one direction, as a TCP FIN does.
 */
export type RawSocketFrame = { readonly type: "end" } | { readonly type: "error"; readonly error: ErrorBody };
