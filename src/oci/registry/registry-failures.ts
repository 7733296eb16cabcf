import { readBody, type HttpReply } from "../../http/http-transport.ts";
import type { Failures } from "../../http/failures.ts";
import { BangerError } from "../../lib/errors.ts";

/** How failures of registries, and of web servers that are asked like them, are told. */
export const REGISTRY_FAILURES: Failures = {
  refused: (url, why) =>
    new BangerError("REGISTRY_FAILED", {
      what: `banger does not go to ${url.host}`,
      why,
      fix: "ask whoever runs the registry",
    }),
  unreachable: (url, why, cause) =>
    new BangerError("REGISTRY_UNREACHABLE", {
      what: `${url.host} does not answer as it should`,
      why,
      fix: "check the name, the network and HTTPS_PROXY, then try again",
      cause,
    }),
  untrusted: (url, cause) =>
    new BangerError("REGISTRY_UNREACHABLE", {
      what: `the certificate of ${url.host} is not trusted`,
      why: cause instanceof Error ? cause.message : String(cause),
      fix: `put the authority that signed it into /etc/docker/certs.d/${url.host}/ca.crt, or name it as ca_file below [registries."${url.host}"] in config.toml`,
      cause,
    }),
};

/**
 * Reads a registry's answer whole.
 *
 * @throws BangerError `REGISTRY_FAILED` as soon as it is larger than `maxBytes`.
 */
export function readAnswer(reply: HttpReply, maxBytes: number, what: string): Promise<Buffer> {
  const tooLarge = (): BangerError =>
    new BangerError("REGISTRY_FAILED", {
      what: `the registry's ${what} is too large`,
      why: `at most ${maxBytes} bytes are read`,
      fix: "ask whoever runs the registry",
    });
  return readBody(reply, maxBytes, tooLarge);
}
