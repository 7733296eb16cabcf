import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

const ZONES = "usr/share/zoneinfo";
const MAX_RULE = 100;

/** The host's time zone by its name, as its /etc/localtime leads there or its /etc/timezone says; undefined: none is set. */
export async function hostTimeZone(root = "/"): Promise<string | undefined> {
  const link = await readlink(join(root, "etc/localtime")).catch(() => "");
  const [, byLink] = /\/zoneinfo\/(?:posix\/|right\/)?([\w+-]+(?:\/[\w+-]+){0,2})$/.exec(link) ?? [];
  if (byLink !== undefined) return byLink;
  const text = await readFile(join(root, "etc/timezone"), "utf8").catch(() => "");
  return /^[\w+-]+(?:\/[\w+-]+){0,2}$/.exec(text.trim())?.[0];
}

/** A zone's rule as TZ has it, which guests without a data base of zones understand; empty where this host has none of it. */
export async function timeZoneRule(name: string, root = "/"): Promise<string> {
  const content = await readFile(join(root, ZONES, name)).catch(() => Buffer.alloc(0));
  return ruleOf(content);
}

/** The footer of a TZif file (RFC 8536, 3.3): a TZ string between two newlines at the end. */
export function ruleOf(content: Buffer): string {
  if (content.subarray(0, 4).toString("latin1") !== "TZif") return "";
  const [, rule] = /\n([A-Za-z0-9<>+,./:-]*)\n$/.exec(content.subarray(-MAX_RULE - 2).toString("latin1")) ?? [];
  return rule ?? "";
}
