import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { GuestFile, GuestFileEvent, Stored } from "../model/guest-file.ts";
import { agentProtocol } from "./agent-errors.ts";
import { fileError } from "./agent-file-errors.ts";
import { guestFile, type GuestPlace } from "./agent-file-info.ts";
import {
  type FetchResponse,
  FileEventKind,
  type FilesService,
  StoreRequestSchema,
  type StoreResponse,
  type WatchResponse,
} from "./gen/banger/agent/v1/files_pb.ts";

/** What is to be read: a part of a file, or a tree as a tar archive. */
export type FetchWhat =
  | { readonly kind: "file"; readonly offset: number; readonly length?: number | undefined }
  /** `name`: what the top is called in the archive; empty: as in the guest. */
  | { readonly kind: "archive"; readonly name: string; readonly follow: boolean };

export interface Fetched {
  readonly file: GuestFile;
  /** To be taken to its end, or given up. */
  readonly bytes: AsyncGenerator<Uint8Array>;
}

/** What is to be written: a file, or a tree from a tar archive. */
export interface StoreRequest {
  readonly what:
    | { readonly kind: "file"; readonly mode?: number | undefined; readonly exclusive: boolean }
    | { readonly kind: "archive"; readonly keep: boolean };
  /** Make the folders above the file, or that for the archive. */
  readonly parents: boolean;
  /** `USER:GROUP`; empty: as it was, or as the archive has it. */
  readonly owner: string;
}

export interface StoreUnderWay {
  /** Sends all of it, and resolves once the guest has it under its name. An error of the source leaves nothing behind. */
  send(source: AsyncIterable<Uint8Array>): Promise<Stored>;
}

type FilesRpc = Client<typeof FilesService>;
type StoreInit = NonNullable<MessageInitShape<typeof StoreRequestSchema>["message"]>;

/** Bytes in one message: each costs both sides more than its bytes do. */
const PIECE_BYTES = 128 * 1024;

/** Opens a file or tree of the guest; what it holds comes as it is taken. */
export async function fetchFrom(
  client: FilesRpc,
  place: GuestPlace,
  what: FetchWhat,
  signal: AbortSignal,
): Promise<Fetched> {
  const own = new AbortController();
  const doing = what.kind === "file" ? `read ${place.path}` : `pack ${place.path}`;
  const asked =
    what.kind === "file"
      ? {
          case: "file" as const,
          value: {
            offset: BigInt(what.offset),
            ...(what.length !== undefined && { length: BigInt(what.length) }),
          },
        }
      : { case: "archive" as const, value: { name: what.name, follow: what.follow } };
  const either = AbortSignal.any([signal, own.signal]);
  const responses = client.fetch({ place: { ...place }, what: asked }, { signal: either })[Symbol.asyncIterator]();
  try {
    const first = await responses.next();
    const message = first.done === true ? undefined : first.value.message;
    if (message?.case !== "info") throw agentProtocol("it did not say what it is to send");
    return { file: guestFile(message.value), bytes: bytesOf(responses, doing, own, signal) };
  } catch (error) {
    own.abort();
    throw fileError(error, doing, signal);
  }
}

async function* bytesOf(
  responses: AsyncIterator<FetchResponse>,
  doing: string,
  own: AbortController,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const next = await responses.next();
      if (next.done === true) return;
      const { message } = next.value;
      if (message.case !== "data") throw agentProtocol("it sent something else than bytes");
      yield message.value;
    }
  } catch (error) {
    throw fileError(error, doing, signal);
  } finally {
    own.abort();
  }
}

/** Has the guest open a place to write to; resolves once it takes bytes. */
export async function openStore(
  client: FilesRpc,
  place: GuestPlace,
  { what, parents, owner }: StoreRequest,
  signal: AbortSignal,
): Promise<StoreUnderWay> {
  const own = new AbortController();
  const doing = what.kind === "file" ? `write ${place.path}` : `unpack into ${place.path}`;
  const outgoing = new Outgoing({
    case: "start",
    value: {
      place: { ...place },
      parents,
      owner,
      what:
        what.kind === "file"
          ? { case: "file", value: { exclusive: what.exclusive, ...(what.mode !== undefined && { mode: what.mode }) } }
          : { case: "archive", value: { keep: what.keep } },
    },
  });
  const responses = client.store(outgoing, { signal: AbortSignal.any([signal, own.signal]) })[Symbol.asyncIterator]();
  const fail = (error: unknown): Error => {
    outgoing.stop();
    own.abort();
    return fileError(outgoing.failure ?? error, doing, signal);
  };
  try {
    const first = await responses.next();
    if (first.done === true || first.value.message.case !== "credit")
      throw agentProtocol("it did not say how much it takes");
    outgoing.addCredit(first.value.message.value);
  } catch (error) {
    throw fail(error);
  }
  return {
    async send(source) {
      try {
        outgoing.begin(source);
        const done = await untilDone(responses, outgoing);
        own.abort();
        return done;
      } catch (error) {
        throw fail(error);
      }
    },
  };
}

async function untilDone(responses: AsyncIterator<StoreResponse>, outgoing: Outgoing): Promise<Stored> {
  for (;;) {
    const next = await responses.next();
    if (next.done === true) throw agentProtocol("it did not say that all is written");
    const { message } = next.value;
    if (message.case === "credit") outgoing.addCredit(message.value);
    else if (message.case === "done") {
      const { bytes, entries } = message.value;
      return { bytes: Number(bytes), entries: Number(entries) };
    } else throw agentProtocol(`it sent ${message.case ?? "an empty message"} while it was sent to`);
  }
}

/** The messages of a call, as it takes them: the start, pieces of a source, the end. No more bytes than there is credit for. */
class Outgoing implements AsyncIterable<ReturnType<typeof request>> {
  /** What the source threw. */
  failure: unknown;
  readonly #start: StoreInit;
  #credit = 0;
  #stopped = false;
  #changed = Promise.withResolvers<void>();
  readonly #source = Promise.withResolvers<AsyncIterable<Uint8Array> | undefined>();

  constructor(start: StoreInit) {
    this.#start = start;
  }

  begin(source: AsyncIterable<Uint8Array>): void {
    this.#source.resolve(source);
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    this.#wake();
  }

  /** Nothing more is sent; a source that is being read is given up. */
  stop(): void {
    this.#stopped = true;
    this.#source.resolve(undefined);
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    yield request(this.#start);
    const source = await this.#source.promise;
    if (source === undefined) return;
    try {
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length;) {
          while (this.#credit === 0 && !this.#stopped) await this.#changed.promise;
          if (this.#stopped) return;
          const piece = chunk.subarray(at, at + Math.min(this.#credit, PIECE_BYTES));
          this.#credit -= piece.length;
          at += piece.length;
          yield request({ case: "data", value: piece });
        }
      }
    } catch (error) {
      this.failure = error;
      throw error;
    }
    yield request({ case: "end", value: {} });
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function request(message: StoreInit) {
  return create(StoreRequestSchema, { message });
}

const KINDS: Partial<Record<FileEventKind, Exclude<GuestFileEvent["type"], "ready" | "lost">>> = {
  [FileEventKind.CREATED]: "created",
  [FileEventKind.WRITTEN]: "written",
  [FileEventKind.REMOVED]: "removed",
  [FileEventKind.MOVED_AWAY]: "moved-away",
  [FileEventKind.MOVED_HERE]: "moved-here",
  [FileEventKind.CHANGED]: "changed",
};

/** What happens below a place, until the signal aborts or it is gone. */
export async function* watchFiles(
  client: FilesRpc,
  place: GuestPlace,
  recursive: boolean,
  signal: AbortSignal,
): AsyncGenerator<GuestFileEvent> {
  try {
    for await (const message of client.watch({ place: { ...place }, recursive }, { signal })) yield fileEvent(message);
  } catch (error) {
    throw fileError(error, `watch ${place.path}`, signal);
  }
}

function fileEvent({ message }: WatchResponse): GuestFileEvent {
  if (message.case === "ready" || message.case === "lost") return { type: message.case };
  const type = message.case === "event" ? KINDS[message.value.kind] : undefined;
  if (message.case !== "event" || type === undefined) throw agentProtocol("it told of an event of no known kind");
  return { type, path: Buffer.from(message.value.path).toString(), isFolder: message.value.folder };
}
