import { withDeadline } from "../../lib/deadline.ts";
import { asBangerError } from "../../lib/errors.ts";
import type { Finding, HostCheck } from "../host-check.ts";

const LIMIT_MS = 2_500;

/** @param urls each registry's `/v2/`, as in `https://registry-1.docker.io/v2/`. */
export function registriesCheck(urls: readonly string[]): HostCheck {
  return {
    name: "registry",
    why: "`banger image pull` gets images from there; images in files need none",
    essential: false,
    look: async (signal) => describeRegistries(await Promise.all(urls.map((url) => tryRegistry(url, signal)))),
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
async function tryRegistry(url: string, signal: AbortSignal): Promise<RegistryState> {
  try {
    await withDeadline(signal, LIMIT_MS, hostOf(url), async (within) => {
      const response = await fetch(url, { method: "HEAD", redirect: "manual", signal: within });
      await response.body?.cancel();
    });
    return { url };
  } catch (error) {
    const { cause } = error instanceof Error ? error : {};
    return { url, problem: cause instanceof Error ? cause.message : asBangerError(error).message };
  }
}

function hostOf(url: string): string {
  return new URL(url).host;
}
