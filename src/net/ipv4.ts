import { isIPv4 } from "node:net";

/** A block of IPv4 addresses, as numbers: `10.0.0.0/8` is 167772160 and 8. */
export interface Block {
  readonly first: number;
  readonly prefixLength: number;
}

/** Addresses in a block. */
export function blockSize({ prefixLength }: Block): number {
  return 2 ** (32 - prefixLength);
}

/** Reads `10.0.0.0/8`, or one address; undefined for anything else, IPv6 too. Bits behind the prefix are dropped. */
export function parseBlock(text: string): Block | undefined {
  const [address = "", length = "32", ...more] = text.split("/");
  const prefixLength = Number(length);
  if (more.length > 0 || !isIPv4(address) || !/^\d{1,2}$/.test(length) || prefixLength > 32) return undefined;
  const value = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { first: value - (value % 2 ** (32 - prefixLength)), prefixLength };
}

/** Whether two blocks have an address in common: then one lies in the other. */
export function overlap(a: Block, b: Block): boolean {
  return a.first < b.first + blockSize(b) && b.first < a.first + blockSize(a);
}

/** `167772161` → `10.0.0.1`. */
export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
