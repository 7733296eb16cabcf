import { badUsage } from "./bad-usage.ts";

const FORWARD = /^(?<guest>\d{1,5})(?::(?<host>\d{1,5}))?$/;
const MAX_PORT = 65_535;

/** A port of a guest, and the one of this host's loopback address that leads there; 0 is any free one. */
export interface ForwardedPort {
  readonly guestPort: number;
  readonly hostPort: number;
}

/**
 * Reads `PORT[:HOSTPORT]`: `8080` is 8080 at both ends, `80:8080` leads from the host's 8080 to the guest's 80.
 *
 * @throws BangerError `BAD_USAGE`.
 */
export function parseForwardPort(text: string): ForwardedPort {
  const { guest, host } = FORWARD.exec(text)?.groups ?? {};
  const guestPort = Number(guest);
  const hostPort = Number(host ?? guest);
  // Not a number, where there is none, is not in the range either.
  if (guestPort >= 1 && guestPort <= MAX_PORT && hostPort <= MAX_PORT) return { guestPort, hostPort };
  throw badUsage(
    `"${text}" is no port to forward`,
    "write PORT or PORT:HOSTPORT, the guest's first, as in 80:8080; 80:0 takes any free one of the host",
  );
}
