import type { Failures } from "../../http/failures.ts";
import { receive, type Receiver } from "../../http/receive.ts";
import { BangerError } from "../../lib/errors.ts";

/** A mirror that sends nothing for so long, or next to nothing, has stalled. */
const PACE = { stallMs: 20_000, minBytesPerSecond: 1024, graceMs: 20_000 };
const RETRY = { attempts: 4, firstPauseMs: 250, maxPauseMs: 60_000 };
const MAX_REDIRECTS = 20;

/**
 * Gets a file from a mirror, going on where it stopped when the connection breaks.
 *
 * What arrives is not trusted here: the caller verifies the content and bounds it in `write`.
 *
 * @throws BangerError `MIRROR_FAILED` after several tries, or at once where trying again is no use (404: `data.status`);
 *         what `receiver` throws; the signal's reason.
 */
export function receiveFromMirror(url: string, receiver: Receiver, signal: AbortSignal): Promise<void> {
  const because = (why: string, cause?: unknown): BangerError => failed(url, why, { cause });
  const failures: Failures = {
    refused: (to, why) => because(`${to.host}: ${why}`),
    unreachable: (_, why, cause) => because(why, cause),
    untrusted: (to, cause) =>
      because(`the certificate of ${to.host} is not trusted: ${cause instanceof Error ? cause.message : ""}`, cause),
  };
  const unexpected = (status: number, why: string): BangerError => failed(url, why, { status });
  const options = { failures, unexpected, pace: PACE, retry: RETRY, maxRedirects: MAX_REDIRECTS };
  return receive(new URL(url), receiver, options, signal);
}

/**
 * A small file of a mirror's, in memory.
 *
 * @throws BangerError `MIRROR_FAILED`, also if it is longer than `maxBytes`.
 */
export async function fetchText(url: string, maxBytes: number, signal: AbortSignal): Promise<string> {
  let parts: Buffer[] = [];
  let received = 0;
  await receiveFromMirror(
    url,
    {
      get received() {
        return received;
      },
      async restart() {
        parts = [];
        received = 0;
      },
      async write(chunk) {
        received += chunk.length;
        if (received > maxBytes) throw failed(url, `it is longer than ${maxBytes} bytes`);
        parts.push(Buffer.from(chunk));
      },
    },
    signal,
  );
  return Buffer.concat(parts).toString("utf8");
}

function failed(url: string, why: string, { status, cause }: { status?: number; cause?: unknown } = {}): BangerError {
  return new BangerError("MIRROR_FAILED", {
    what: `could not get ${url}`,
    why,
    fix: "check the network and HTTPS_PROXY, or name another mirror as `debian_mirror` in config.toml",
    cause,
    data: { url, ...(status !== undefined && { status }) },
  });
}
