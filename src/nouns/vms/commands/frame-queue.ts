import type { RawData, WebSocket } from "ws";
import { untilAborted } from "../../../lib/deadline.ts";

export interface Frame {
  readonly data: RawData;
  readonly binary: boolean;
}

/** Bytes that may wait for their taker before the socket is read no more. */
const MAX_WAITING_BYTES = 1024 ** 2;
/** Between two questions whether the client of a socket that is not read is still there: its end is not read either. */
const ASK_MS = 500;

/**
 * The frames of a WebSocket from its first on. ws emits all that came in one piece at once, whoever listens by then: so
 * they are listened to from the beginning, and kept until somebody takes them. A client that goes away is noticed
 * meanwhile: the socket is read on up to a bound, and past that it is asked.
 */
export class FrameQueue {
  readonly #socket: WebSocket;
  readonly #waiting: Frame[] = [];
  #waitingBytes = 0;
  #asking: NodeJS.Timeout | undefined;
  #take: ((frame: Frame) => void) | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.once("close", () => clearInterval(this.#asking));
    socket.on("message", (data: RawData, binary: boolean) => {
      if (this.#take !== undefined) {
        this.#take({ data, binary });
        return;
      }
      this.#waiting.push({ data, binary });
      this.#waitingBytes += sizeOf(data);
      if (this.#waitingBytes > MAX_WAITING_BYTES) this.#pause();
      this.#arrived.resolve();
    });
  }

  /** The next frame, by hand. */
  async next(signal: AbortSignal): Promise<Frame> {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) {
        this.#waitingBytes -= sizeOf(frame.data);
        return frame;
      }
      this.#arrived = Promise.withResolvers();
      this.#resume();
      await untilAborted(this.#arrived.promise, signal);
    }
  }

  /** Gives the frames that wait, and then each as it comes, to `take`. */
  handOver(take: (frame: Frame) => void): void {
    this.#resume();
    for (const frame of this.#waiting.splice(0)) take(frame);
    this.#take = take;
  }

  #pause(): void {
    this.#socket.pause();
    this.#asking ??= setInterval(() => {
      this.#socket.ping(undefined, undefined, (error) => {
        if (error) this.#socket.terminate();
      });
    }, ASK_MS);
  }

  #resume(): void {
    clearInterval(this.#asking);
    this.#asking = undefined;
    this.#socket.resume();
  }
}

function sizeOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength;
}
