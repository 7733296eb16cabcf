import { randomBytes } from "node:crypto";
import { Duplex } from "node:stream";
import { untilAborted } from "../lib/deadline.ts";
import { agentUnreachable } from "./agent-errors.ts";
import {
  BEGIN,
  type Control,
  encodeControl,
  GONE,
  HELLO,
  LineDecoder,
  LineEncoder,
  NONCE_BYTES,
  READY,
} from "./line-codec.ts";

/** Between two hellos: a guest that boots hears the first one after it has opened its port. */
const HELLO_INTERVAL_MS = 10;
/** Between the answer to a hello and the guest's stream; past it, the handshake starts again. */
const BEGIN_LIMIT_MS = 2_000;
/** Bytes either way that are held for a slow end. */
const BUFFER_BYTES = 1024 ** 2;

type Phase = "hello" | "begin" | "stream";

/** A stream over a serial port's socket, of which this end is one of many in turn. Open once `opened` resolves. */
class SerialLine extends Duplex {
  readonly opened: Promise<void>;
  readonly #socket: Duplex;
  readonly #decoder = new LineDecoder();
  readonly #encoder = new LineEncoder();
  readonly #resolveOpened: () => void;
  #phase: Phase = "hello";
  #nonce = randomBytes(NONCE_BYTES);
  #hellos: NodeJS.Timeout | undefined;
  #beginLimit: NodeJS.Timeout | undefined;

  constructor(socket: Duplex) {
    super({ allowHalfOpen: false, readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES });
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.opened = promise;
    this.#resolveOpened = resolve;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.destroy(agentUnreachable("the line to it broke", error)));
    socket.on("close", () => this.destroy(agentUnreachable("the line to it was closed")));
    this.#sayHello();
  }

  #sayHello(): void {
    this.#phase = "hello";
    this.#nonce = randomBytes(NONCE_BYTES);
    const hello = encodeControl(HELLO, this.#nonce);
    const send = (): void => {
      // While the guest does not read, one hello in the pipe is enough.
      if (this.#socket.writableLength === 0) this.#socket.write(hello);
    };
    send();
    this.#hellos = setInterval(send, HELLO_INTERVAL_MS);
  }

  #receive(chunk: Buffer): void {
    let wantsMore = true;
    this.#decoder.decode(chunk, {
      payload: (bytes) => {
        // Before the begin it is the end of somebody else's stream.
        if (this.#phase === "stream" && !this.destroyed) wantsMore = this.push(bytes);
      },
      control: (control) => this.#handle(control),
      broken: () => {
        if (this.#phase === "stream")
          this.destroy(agentUnreachable("the agent was cut off in the midst of its stream"));
      },
    });
    if (!wantsMore) this.#socket.pause();
  }

  #handle({ kind, nonce }: Control): void {
    const isOurs = nonce.equals(this.#nonce);
    if (this.#phase === "stream") {
      const why =
        kind === GONE ? "the agent dropped the line, or was started again" : "the agent lost the line's state";
      this.destroy(agentUnreachable(why));
    } else if (this.#phase === "hello" && kind === READY && isOurs) {
      clearInterval(this.#hellos);
      this.#phase = "begin";
      this.#socket.write(encodeControl(BEGIN, nonce));
      this.#beginLimit = setTimeout(() => this.#sayHello(), BEGIN_LIMIT_MS);
    } else if (this.#phase === "begin" && kind === BEGIN && isOurs) {
      clearTimeout(this.#beginLimit);
      this.#phase = "stream";
      this.#resolveOpened();
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const pieces = this.#encoder.encode(chunk);
    const last = pieces.pop();
    if (last === undefined) {
      done();
      return;
    }
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.write(last, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#hellos);
    clearTimeout(this.#beginLimit);
    this.#socket.destroy();
    done(error);
  }
}

/**
 * Makes a session over a serial port that is reached by `socket`, with a guest that may still be booting. The
 * line owns the socket: it is destroyed with the line, and when the signal aborts before the guest has answered.
 *
 * @throws BangerError `AGENT_UNREACHABLE` when the socket is closed from its other end.
 */
export async function openSerialLine(socket: Duplex, signal: AbortSignal): Promise<Duplex> {
  const line = new SerialLine(socket);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  line.once("error", reject);
  try {
    await untilAborted(Promise.race([line.opened, failed]), signal);
    return line;
  } catch (error) {
    line.on("error", () => {});
    line.destroy();
    throw error;
  } finally {
    line.off("error", reject);
  }
}
