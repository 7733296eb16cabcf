import type { RawData, WebSocket } from "ws";
import { untilAborted } from "../lib/deadline.ts";

export interface Frame {
  readonly data: RawData;
  readonly binary: boolean;
}

/**
 * The frames of a WebSocket from its first on. ws emits all that came in one piece at once, whoever listens by then: so
 * they are listened to from the beginning, and kept until somebody takes them. While they wait nothing more is read.
 */
export class FrameQueue {
  readonly #socket: WebSocket;
  readonly #waiting: Frame[] = [];
  #take: ((frame: Frame) => void) | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: RawData, binary: boolean) => {
      if (this.#take !== undefined) {
        this.#take({ data, binary });
        return;
      }
      this.#waiting.push({ data, binary });
      socket.pause();
      this.#arrived.resolve();
    });
  }

  /** The next frame, by hand. */
  async next(signal: AbortSignal): Promise<Frame> {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) return frame;
      this.#arrived = Promise.withResolvers();
      this.#socket.resume();
      await untilAborted(this.#arrived.promise, signal);
    }
  }

  /** Gives the frames that wait, and then each as it comes, to `take`. */
  handOver(take: (frame: Frame) => void): void {
    for (const frame of this.#waiting.splice(0)) take(frame);
    this.#take = take;
    this.#socket.resume();
  }
}
