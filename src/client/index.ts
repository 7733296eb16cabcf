/** The public face of the typed client: what the CLI is made with, and what other programs may use. */
export { type Client, type ClientOptions, type Input, type Result, createClient } from "./client.ts";
export type { ExecExit, ExecSession, ExecStartInput } from "./exec-session.ts";
export { type DaemonProgram, startDaemon } from "./start-daemon.ts";
