import { z } from "zod";
import { BangerError } from "../../../lib/errors.ts";
import { guestServiceSchema, type GuestService } from "../../../model/service.ts";

/** An image's own word on what its VMs offer: `opencode=vsock:4096,web=tcp:8080`. */
export const SERVICES_LABEL = "dev.banger.services";

const MAX_SERVICES = 16;

/**
 * What an image declares to be part of its VMs' being ready.
 *
 * @throws BangerError `MANIFEST_INVALID` for a label that says something else.
 */
export function declaredServices(labels: Readonly<Record<string, string>>): readonly GuestService[] {
  const text = Object.hasOwn(labels, SERVICES_LABEL) ? labels[SERVICES_LABEL] : undefined;
  if (text === undefined || text.trim() === "") return [];
  const entries = text.slice(0, 4096).split(",");
  const read = z
    .array(guestServiceSchema)
    .max(MAX_SERVICES)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "a name stands there twice")
    .safeParse(entries.map(parseService));
  if (read.success) return read.data;
  throw new BangerError("MANIFEST_INVALID", {
    what: `the image's label ${SERVICES_LABEL} cannot be understood`,
    why: read.error.issues[0]?.message ?? "it is none",
    fix: "it should read NAME=vsock:PORT or NAME=tcp:PORT, parted by commas: have whoever makes the image mend it",
    data: { label: text.slice(0, 200) },
  });
}

function parseService(entry: string): unknown {
  const match = /^([^=]*)=(\w+):(\d{1,5})$/.exec(entry.trim());
  return { name: match?.[1] ?? entry.trim(), kind: match?.[2], port: Number(match?.[3]) };
}
