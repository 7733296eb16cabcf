import { connect } from "node:http2";
import type { ConnectTransportOptions } from "@connectrpc/connect-node";
import type { Duplex } from "node:stream";
import { readableLate } from "./late-reader.ts";

const AUTHORITY = "http://agent.banger";
/** Bytes on their way to us before they are taken, of one call and of all: enough that no line waits for a window. */
const STREAM_WINDOW_BYTES = 4 * 1024 ** 2;
const SESSION_WINDOW_BYTES = 16 * 1024 ** 2;

/** What a transport over HTTP/2 asks for its requests; its package names it only as a part of this. */
type SessionManager = NonNullable<Extract<ConnectTransportOptions, { httpVersion: "2" }>["sessionManager"]>;

/**
 * The one HTTP/2 session (RFC 9113, prior knowledge) over a stream to the agent. It never opens another: when the stream
 * ends, so do all calls, and whoever holds the client connects anew.
 */
export function agentSession(stream: Duplex): SessionManager {
  const session = connect(AUTHORITY, {
    createConnection: () => stream,
    settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
  });
  session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
  // Each call that was under way tells of it itself.
  session.on("error", () => {});
  return {
    authority: AUTHORITY,
    request: (method, path, headers, options) =>
      Promise.resolve(readableLate(session.request({ ...headers, ":method": method, ":path": path }, options))),
    notifyResponseByteRead: () => {},
  };
}
