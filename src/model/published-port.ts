import { z } from "zod";

/** A dotted quad, as in `127.0.0.1`. */
export const ipv4Schema = z.ipv4("write an IPv4 address, as in 127.0.0.1");
const portSchema = z.number().int().min(1).max(65_535);

/** A TCP port of the host that leads to one of the guest. `0.0.0.0` is every address of the host. */
export const publishedPortSchema = z.strictObject({
  hostAddress: ipv4Schema.default("127.0.0.1"),
  hostPort: portSchema,
  guestPort: portSchema,
});
export type PublishedPort = z.infer<typeof publishedPortSchema>;
/** The same as it may be asked for. */
export type AskedPort = z.input<typeof publishedPortSchema>;
