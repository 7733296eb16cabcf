import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { Duplex } from "node:stream";
import { agentError, agentProtocol } from "./agent-errors.ts";
import {
  ForwardRequestSchema,
  type ForwardTargetSchema,
  type AgentService,
  type ForwardResponse,
} from "./gen/banger/agent/v1/agent_pb.ts";

/** What is to be reached in a guest. */
export type ForwardTarget =
  | { readonly kind: "ssh" }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** What the guest itself finds on a vsock port of its own. */
  | { readonly kind: "vsock"; readonly port: number };

type ForwardInit = NonNullable<MessageInitShape<typeof ForwardRequestSchema>["message"]>;

/**
 * Opens a byte stream to something that listens in the guest, and resolves once it is reached.
 *
 * @throws BangerError `BAD_REQUEST` if nothing listens there, `AGENT_UNREACHABLE`, `AGENT_PROTOCOL`.
 */
export async function openForward(
  client: Client<typeof AgentService>,
  target: ForwardTarget,
  signal: AbortSignal,
): Promise<Duplex> {
  const own = new AbortController();
  const outgoing = new RequestStream();
  outgoing.send({ case: "target", value: { target: targetInit(target) } }, () => {});
  const responses = client.forward(outgoing, { signal: AbortSignal.any([signal, own.signal]) })[Symbol.asyncIterator]();
  try {
    const first = await responses.next();
    if (first.done === true || first.value.message.case !== "connected")
      throw agentProtocol("it did not say that it is connected");
    return new ForwardStream(outgoing, responses, own);
  } catch (error) {
    own.abort();
    throw agentError(error, signal);
  }
}

function targetInit(target: ForwardTarget): NonNullable<MessageInitShape<typeof ForwardTargetSchema>["target"]> {
  switch (target.kind) {
    case "ssh":
      return { case: "ssh", value: {} };
    case "unix":
      return { case: "unix", value: target.path };
    case "vsock":
      return { case: "vsock", value: { port: target.port } };
    case "tcp":
      return { case: "tcp", value: { host: target.host, port: target.port } };
  }
}

/** Requests one at a time: `taken` is called when the call has sent the message and asks for the next. */
class RequestStream {
  #waiting: { readonly message: ForwardInit; readonly taken: () => void } | undefined;
  #wake = Promise.withResolvers<void>();
  #ended = false;

  send(message: ForwardInit, taken: () => void): void {
    this.#waiting = { message, taken };
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      const next = this.#waiting;
      if (next !== undefined) {
        this.#waiting = undefined;
        yield create(ForwardRequestSchema, { message: next.message });
        next.taken();
      } else if (this.#ended) return;
      else {
        this.#wake = Promise.withResolvers();
        await this.#wake.promise;
      }
    }
  }
}

class ForwardStream extends Duplex {
  readonly #outgoing: RequestStream;
  readonly #incoming: AsyncIterator<ForwardResponse>;
  readonly #call: AbortController;
  #ended = false;

  constructor(outgoing: RequestStream, incoming: AsyncIterator<ForwardResponse>, call: AbortController) {
    super({ allowHalfOpen: true });
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    this.#call = call;
  }

  override _read(): void {
    void this.#pull();
  }

  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#incoming.next();
      const message = done === true ? undefined : value.message;
      // `end`, or the end of the call: nothing more comes this way.
      if (message?.case !== "data") this.push(null);
      else this.push(Buffer.from(message.value.buffer, message.value.byteOffset, message.value.length));
    } catch (error) {
      this.destroy(agentError(error));
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#outgoing.send({ case: "data", value: chunk }, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ended = true;
    this.#outgoing.send({ case: "end", value: {} }, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#outgoing.end();
    if (error !== null || !this.#ended) this.#call.abort();
    done(error);
  }
}
