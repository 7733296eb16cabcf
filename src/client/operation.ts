import { asBangerError, BangerError } from "../lib/errors.ts";
import type { ProgressEvent, ProgressSink } from "../lib/progress.ts";
import { connectionLost, errorFromWire, isRecord, notOurApi } from "./daemon-errors.ts";
import { errorOf, parseJson, successOf } from "./answers.ts";
import { exchange } from "./http-exchange.ts";
import { textLines } from "./text-lines.ts";
import type { WireRequest } from "./wire-request.ts";

const MAX_LINE_BYTES = 4 * 1024 ** 2;

const CLEAN_UP_MS = 30_000;

/** Has an operation go on when its client goes away; and names an operation in the head of its answer. */
const DETACHED = { "banger-detach": "true" };
const OPERATION_FIELD = "banger-operation";

export interface OperationOptions {
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
  /** How long a cancelled operation may take to put things back before we stop listening. */
  readonly cleanUpMs?: number | undefined;
}

/**
 * Runs one operation to its result.
 *
 * An abort closes our half of the connection. The daemon cancels, puts back what it did, and tells how that ended;
 * only then does this reject. Where that takes longer than we listen, the error says that it goes on.
 */
export async function runOperation(
  socketPath: string,
  wire: WireRequest,
  { signal, progress, cleanUpMs = CLEAN_UP_MS }: OperationOptions,
): Promise<unknown> {
  signal.throwIfAborted();
  using request = exchange(socketPath, wire);
  let giveUp: NodeJS.Timeout | undefined;
  let hasGivenUp = false;
  const cancel = (): void => {
    request.halfClose();
    giveUp = setTimeout(() => {
      hasGivenUp = true;
      request[Symbol.dispose]();
    }, cleanUpMs);
  };
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return await outcome(textLines(await successOf(request.answer), MAX_LINE_BYTES), progress);
  } catch (error) {
    if (hasGivenUp) throw stillCleaningUp(error);
    // What the daemon said about a cancelled operation counts; a broken connection then is only its way to end it.
    const told = asBangerError(error);
    throw signal.aborted && (told.code === "INTERNAL" || told.code === "DAEMON_UNREACHABLE")
      ? asBangerError(signal.reason)
      : error;
  } finally {
    clearTimeout(giveUp);
    signal.removeEventListener("abort", cancel);
  }
}

/** How long one that goes on by itself is listened to: what is refused is refused within that time. */
const REFUSAL_MS = 1_000;

/**
 * Begins an operation that goes on when this connection ends, and gives its id.
 *
 * It is listened to until it has something to tell, or for a moment: what fails at once is told as an error.
 */
export async function beginOperation(socketPath: string, wire: WireRequest, signal: AbortSignal): Promise<string> {
  using request = exchange(socketPath, { ...wire, fields: DETACHED }, signal);
  const { status, fields, body } = await request.answer;
  if (status !== 200) throw await errorOf(status, body);
  const id = fields.get(OPERATION_FIELD);
  if (id === undefined) throw notOurApi("an operation without an id");
  const enough = AbortSignal.any([signal, AbortSignal.timeout(REFUSAL_MS)]);
  enough.addEventListener("abort", () => request[Symbol.dispose](), { once: true });
  try {
    for await (const line of textLines(body, MAX_LINE_BYTES)) {
      const message = parseJson(line);
      if (isRecord(message) && "error" in message) throw errorFromWire(message["error"]);
      return id;
    }
  } catch (error) {
    if (!enough.aborted) throw error;
  }
  return id;
}

/** What became of an operation that a daemon of today does not know, though it was followed before. */
export function endedWithDaemon(error: unknown): BangerError {
  const known = asBangerError(error);
  if (known.code !== "OPERATION_NOT_FOUND") return known;
  return new BangerError("OPERATION_NOT_FOUND", {
    what: "the operation has ended with the daemon that ran it",
    why: "bangerd was started anew meanwhile, and has put back or completed what was begun",
    fix: "see what became of it with `banger events`, then begin it again where need be",
    cause: known,
  });
}

function stillCleaningUp(cause: unknown): BangerError {
  return new BangerError("CANCELLED", {
    what: "cancelled, and the daemon still puts back what was begun",
    why: "it takes longer than is waited for; it goes on without you",
    fix: "see how far it is with `banger daemon logs`, then run the command again",
    cause,
  });
}

/** Reads events up to the result. Fields that only a newer daemon knows are passed over. */
async function outcome(lines: AsyncIterable<string>, progress: ProgressSink): Promise<unknown> {
  for await (const line of lines) {
    const message = parseJson(line);
    if (!isRecord(message)) throw notOurApi("a line that is no object");
    if ("result" in message) return message["result"];
    if ("error" in message) throw errorFromWire(message["error"]);
    if (isProgressEvent(message["progress"])) progress(message["progress"]);
  }
  throw connectionLost();
}

function isProgressEvent(value: unknown): value is ProgressEvent {
  return (
    isRecord(value) &&
    typeof value["id"] === "string" &&
    typeof value["label"] === "string" &&
    (value["status"] === "running" || value["status"] === "done" || value["status"] === "failed")
  );
}
