import { connect, type ClientHttp2Session } from "node:http2";
import type { ConnectTransportOptions } from "@connectrpc/connect-node";
import type { Duplex } from "node:stream";
import { untilAborted } from "../lib/deadline.ts";
import { agentUnreachable } from "./agent-errors.ts";
import { readableLate } from "./late-reader.ts";

const AUTHORITY = "http://agent.banger";
/** Bytes on their way to us before they are taken, of one call and of all: enough that no line waits for a window. */
const STREAM_WINDOW_BYTES = 4 * 1024 ** 2;
const SESSION_WINDOW_BYTES = 16 * 1024 ** 2;

/** What a transport over HTTP/2 asks for its requests; its package names it only as a part of this. */
type SessionManager = NonNullable<Extract<ConnectTransportOptions, { httpVersion: "2" }>["sessionManager"]>;

/** How a guest's silence is judged while calls are under way. */
export interface Patience {
  /** Between two questions whether it is there. */
  readonly askEveryMs: number;
  /** Without an answer for so long it is taken to hang. A host with more guests than it can run leaves one waiting, too. */
  readonly limitMs: number;
}

export const PATIENCE: Patience = { askEveryMs: 15_000, limitMs: 60_000 };

export interface AgentLineSession {
  readonly manager: SessionManager;
  /** While a guest is kept still on purpose, its silence is not taken for its end. */
  keepStill(isStill: boolean): void;
  /** Resolves once the guest has answered; rejects when the line is gone, or with the signal's reason. */
  ping(signal: AbortSignal): Promise<void>;
}

/**
 * The one HTTP/2 session (RFC 9113, prior knowledge) over a stream to the agent. It never opens another: when the stream
 * ends, so do all calls, and whoever holds the client connects anew. So it does when the guest hangs.
 */
export function agentSession(stream: Duplex, patience = PATIENCE): AgentLineSession {
  const session = connect(AUTHORITY, {
    createConnection: () => stream,
    settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
  });
  session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
  // Each call that was under way tells of it itself.
  session.on("error", () => {});
  const watch = new Watch(session, stream, patience);
  return {
    keepStill: (isStill) => watch.keepStill(isStill),
    ping: pinger(session),
    manager: {
      authority: AUTHORITY,
      request(method, path, headers, options) {
        const request = session.request({ ...headers, ":method": method, ":path": path }, options);
        watch.follow(request);
        return Promise.resolve(readableLate(request));
      },
      notifyResponseByteRead: () => {},
    },
  };
}

/** Asks the guest whether it is there (RFC 9113, 6.7). While one question is open, all who ask wait for its answer. */
function pinger(session: ClientHttp2Session): AgentLineSession["ping"] {
  let open: Promise<void> | undefined;
  const ask = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (session.destroyed) throw agentUnreachable("the line to it is gone");
    session.ping((error) => (error === null ? resolve() : reject(agentUnreachable("the line to it broke", error))));
    await promise;
  };
  return (signal) => {
    open ??= ask().finally(() => (open = undefined));
    return untilAborted(open, signal);
  };
}

/** Asks the guest whether it is there (RFC 9113, 6.7), as long as somebody waits for it, and breaks the line if it is not. */
class Watch {
  readonly #session: ClientHttp2Session;
  readonly #stream: Duplex;
  readonly #patience: Patience;
  #calls = 0;
  #isStill = false;
  #timer: NodeJS.Timeout | undefined;
  /** Since when an answer is awaited. */
  #askedAt: number | undefined;

  constructor(session: ClientHttp2Session, stream: Duplex, patience: Patience) {
    this.#session = session;
    this.#stream = stream;
    this.#patience = patience;
    stream.once("close", () => clearInterval(this.#timer));
  }

  follow(call: Duplex): void {
    this.#calls += 1;
    this.#timer ??= setInterval(() => this.#look(), this.#patience.askEveryMs).unref();
    call.once("close", () => {
      this.#calls -= 1;
      if (this.#calls > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
  }

  keepStill(isStill: boolean): void {
    this.#isStill = isStill;
    // Its time begins again when it goes on.
    if (this.#askedAt !== undefined) this.#askedAt = performance.now();
  }

  #look(): void {
    if (this.#isStill || this.#session.destroyed) return;
    if (this.#askedAt === undefined) {
      this.#askedAt = performance.now();
      this.#session.ping(() => (this.#askedAt = undefined));
    } else if (performance.now() - this.#askedAt >= this.#patience.limitMs) {
      const seconds = this.#patience.limitMs / 1000;
      this.#stream.destroy(agentUnreachable(`it has not answered for ${seconds} s: the guest hangs, or stands still`));
    }
  }
}
