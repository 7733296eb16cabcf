import type { AskedPort } from "../../model/published-port.ts";
import { badUsage } from "./bad-usage.ts";

/** HOST is an IPv4 address, so that `0.0.0.0:80` and `80:8080` cannot be taken for each other. */
const PUBLISH = /^(?:(?<host>\d+\.\d+\.\d+\.\d+):)?(?<port>\d{1,5})(?::(?<guest>\d{1,5}))?$/;

/**
 * Reads `[HOST:]PORT[:GUEST]`: `8080`, `8080:80`, `0.0.0.0:8080:80`. What is left out stays open for the daemon, but for
 * the guest's port, which is the host's then.
 *
 * @throws BangerError `BAD_USAGE`.
 */
export function parsePublish(text: string): AskedPort {
  const { host, port, guest } = PUBLISH.exec(text)?.groups ?? {};
  if (port === undefined) {
    throw badUsage(
      `--publish cannot be "${text}"`,
      "write [HOST:]PORT[:GUEST], as in 8080:80 or 0.0.0.0:8080:80; HOST is an IPv4 address",
    );
  }
  return {
    ...(host !== undefined && { hostAddress: host }),
    hostPort: Number(port),
    guestPort: Number(guest ?? port),
  };
}
