import { z } from "zod";

/**
 * `running`; `exited` with status 0; `failed` with another, or by a signal; `killed` by banger; `rebooted`: the guest went
 * down while it ran; `lost`: what looked after it in the guest was killed.
 */
export const SESSION_STATES = ["running", "exited", "failed", "killed", "rebooted", "lost"] as const;

/** A session's name: within its VM nobody else has it. */
export const SESSION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
export const sessionNameSchema = z
  .string()
  .regex(SESSION_NAME, "must be letters, digits, - _ . (at most 63), beginning with a letter or digit");

export const terminalSizeSchema = z.object({
  rows: z.number().int().min(1).max(65_535),
  cols: z.number().int().min(1).max(65_535),
});
export type TerminalSize = z.infer<typeof terminalSizeSchema>;

/** A command that lives in a guest by itself, as the guest tells it. */
export const guestSessionSchema = z.object({
  name: z.string(),
  /** Its words, as far as there are not too many of them. */
  command: z.array(z.string()),
  cwd: z.string(),
  user: z.string(),
  /** Absent where it has none. */
  terminal: z.object({ rows: z.number().int(), cols: z.number().int() }).optional(),
  /** Whether it can be sent to. */
  stdin: z.boolean(),
  state: z.enum(SESSION_STATES),
  /** In the guest; absent when it has ended. */
  pid: z.number().int().optional(),
  /** 128 plus the signal's number where one ended it; absent where nobody saw its end. */
  exitCode: z.number().int().optional(),
  /** That ended it. */
  signal: z.string().optional(),
  /** By the guest's clock, as all times of a session. */
  createdAt: z.iso.datetime(),
  /** Of the state. */
  since: z.iso.datetime(),
  /** Somebody is attached who writes. */
  hasWriter: z.boolean(),
  logBytes: z.number().int(),
  /** The beginning of its log is not kept any more. */
  logCut: z.boolean(),
});
export type GuestSession = z.infer<typeof guestSessionSchema>;
