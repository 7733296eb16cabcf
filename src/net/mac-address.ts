import { createHash } from "node:crypto";

/** A VM's unicast address that is locally administered (IEEE 802: bit 1 of the first octet set, bit 0 clear). */
export function macOf(vmId: string): string {
  const octets = createHash("sha256").update(vmId).digest().subarray(0, 6);
  const first = ((octets[0] ?? 0) & 0xfc) | 0x02;
  return [first, ...octets.subarray(1)].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}
