import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { z } from "zod";
import { untilAborted, withDeadline } from "../../lib/deadline.ts";
import { BangerError } from "../../lib/errors.ts";
import { connectUnix } from "../../lib/unix-socket.ts";
import type { ApiRequest } from "./machine-plan.ts";

/** Firecracker's answers have a few hundred bytes; its whole configuration some thousands. */
const MAX_ANSWER_BYTES = 256 * 1024;
/** Firecracker answers within 700 ms, and starts a guest within a second; a host may be busy. */
const ANSWER_MS = 30_000;

/** InstanceInfo and Error of Firecracker's firecracker.yaml. */
const instanceSchema = z.object({ state: z.enum(["Not started", "Running", "Paused"]), vmm_version: z.string() });
const faultSchema = z.union([
  z.object({ fault_message: z.string() }).transform(({ fault_message: said }) => said),
  // Of its HTTP server, before a request is looked at.
  z.object({ error: z.string() }).transform(({ error }) => error),
]);

export type InstanceInfo = z.infer<typeof instanceSchema>;

/** Firecracker's API on its socket. It answers one request at a time, so they wait for each other here. */
export interface FirecrackerApi {
  /** @throws BangerError `VMM_FAILED` with Firecracker's words, or when it goes away before it answers. */
  send(request: ApiRequest, signal: AbortSignal): Promise<void>;
  instance(signal: AbortSignal): Promise<InstanceInfo>;
}

export function firecrackerApi(socketPath: string): FirecrackerApi {
  let busy: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(signal: AbortSignal, work: (within: AbortSignal) => Promise<T>): Promise<T> => {
    const mine = busy.then(() => withDeadline(signal, ANSWER_MS, "Firecracker's answer", work));
    busy = mine.catch(() => {});
    // Who gives up need not wait for those before.
    return untilAborted(mine, signal);
  };
  return {
    async send({ method, path, body }, signal) {
      await inTurn(signal, async (within) => {
        const { status, text } = await exchange(socketPath, method, path, JSON.stringify(body), within);
        if (status < 200 || status > 299) throw refused(method, path, status, text);
      });
    },
    instance: (signal) =>
      inTurn(signal, async (within) => {
        const { status, text } = await exchange(socketPath, "GET", "/", "", within);
        if (status !== 200) throw refused("GET", "/", status, text);
        return instanceSchema.parse(JSON.parse(text));
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  // Without an agent there is one connection a request, and none is kept.
  const createConnection = (): Socket => connectUnix(socketPath);
  const request = httpRequest({ createConnection, method, path, headers, signal }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_BYTES) response.destroy(new Error(`it answered over ${MAX_ANSWER_BYTES} bytes`));
    });
    response.on("error", reject);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
  });
  request.on("error", reject);
  request.end(body);
  try {
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    throw new BangerError("VMM_FAILED", {
      what: "Firecracker does not answer on its API socket",
      why: error instanceof Error ? error.message : String(error),
      fix: "see the VM's state with `banger vm inspect`",
      cause: error,
    });
  }
}

function refused(method: string, path: string, status: number, text: string): BangerError {
  return new BangerError("VMM_FAILED", {
    what: `Firecracker refused ${method} ${path}`,
    why: faultOf(text) ?? `it answered with status ${status}`,
    fix: "if it names a file, check that; otherwise run `banger doctor`",
    data: { method, path, status },
  });
}

function faultOf(text: string): string | undefined {
  try {
    return faultSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
