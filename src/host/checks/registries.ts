import type { Failures } from "../../http/failures.ts";
import { HttpTransport } from "../../http/http-transport.ts";
import { TransientError } from "../../http/retry.ts";
import { withDeadline } from "../../lib/deadline.ts";
import { asBangerError, BangerError } from "../../lib/errors.ts";
import type { Finding, HostCheck } from "../../model/doctor.ts";

const LIMIT_MS = 2_500;

const told = (url: URL, why: string, cause?: unknown): BangerError =>
  new BangerError("REGISTRY_UNREACHABLE", {
    what: `${url.host} does not answer`,
    why,
    fix: "check the network",
    cause,
  });
const failures: Failures = {
  refused: told,
  unreachable: told,
  untrusted: (url, cause) => told(url, cause instanceof Error ? cause.message : String(cause), cause),
};

/**
 * @param urls each registry's `/v2/`, as in `https://registry-1.docker.io/v2/`.
 * @param env where the proxies are read by which they are reached.
 */
export function registriesCheck(urls: readonly string[], env: NodeJS.ProcessEnv = process.env): HostCheck {
  return {
    name: "registry",
    why: "`banger image pull` gets images from there; images in files need none",
    essential: false,
    look: async (signal) => describeRegistries(await Promise.all(urls.map((url) => tryRegistry(url, env, signal)))),
  };
}

interface RegistryState {
  readonly url: string;
  /** Why it cannot be reached; absent when it can. */
  readonly problem?: string;
}

export function describeRegistries(states: readonly RegistryState[]): Finding {
  const lost = states.filter(({ problem }) => problem !== undefined);
  const data = { registries: states };
  if (lost.length === 0) {
    return {
      result: "ok",
      summary: states.map(({ url }) => `${hostOf(url)} answers`).join(", ") || "none to try",
      data,
    };
  }
  return {
    result: "warn",
    summary: lost.map(({ url, problem }) => `${hostOf(url)} does not answer (${problem})`).join(", "),
    fix: "check the network and HTTPS_PROXY; or pull from a file: `banger image pull oci-archive:FILE`",
    data,
  };
}

/** Any answer will do: most registries want a token before they say more than 401. */
async function tryRegistry(url: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<RegistryState> {
  try {
    await withDeadline(signal, LIMIT_MS, hostOf(url), async (within) => {
      using transport = new HttpTransport({ failures, env });
      (await transport.send({ method: "HEAD", url: new URL(url), signal: within })).discard();
    });
    return { url };
  } catch (error) {
    const failure = asBangerError(error instanceof TransientError ? error.reported : error);
    return { url, problem: failure.code === "TIMED_OUT" ? failure.message : (failure.why ?? failure.message) };
  }
}

function hostOf(url: string): string {
  return new URL(url).host;
}
