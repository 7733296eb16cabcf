import { run } from "../../src/lib/process.ts";
import type { Listing } from "../helpers/tree-listing.ts";

/** A member as libarchive's bsdtar reads it (mtree(5)). */
type Keywords = ReadonlyMap<string, string>;

/** What an archive holds by libarchive, by path in latin1. Nothing is unpacked. */
export async function libarchiveListing(archive: string): Promise<Map<string, Keywords>> {
  const options = "!all,type,mode,uid,gid,link,sha256";
  const args = ["-cf", "-", "--format=mtree", `--options=${options}`, `@${archive}`];
  const { stdout } = await run("bsdtar", args, { timeoutMs: 300_000 });
  const members = new Map<string, Keywords>();
  for (const line of stdout.split("\n")) {
    const [path, ...words] = line.split(" ");
    if (path === undefined || path === "" || path.startsWith("#")) continue;
    members.set(plainPath(unescape(path)), new Map(words.map((word) => splitWord(word))));
  }
  return members;
}

/** What differs between our tree of an archive and libarchive's list of it, one line each. */
export function libarchiveDifferences(ours: Listing, theirs: ReadonlyMap<string, Keywords>): string[] {
  const found: string[] = [];
  for (const [path, member] of theirs) {
    // Whiteouts are for the layers below.
    if (path === "" || path.split("/").some((name) => name.startsWith(".wh."))) continue;
    const own = ours.get(path);
    if (own === undefined) {
      found.push(`${JSON.stringify(path)}: only in theirs`);
      continue;
    }
    const say = (what: string, mine: string, other: string | undefined): void => {
      if (other !== undefined && mine !== other)
        found.push(`${JSON.stringify(path)}: ${what}: ours ${mine}, theirs ${other}`);
    };
    const type = member.get("type") ?? "";
    say("type", own.type, TYPES[type] ?? type);
    const [uid, gid] = own.owner.split(":");
    say("uid", uid ?? "", member.get("uid"));
    say("gid", gid ?? "", member.get("gid"));
    if (own.type !== "symlink") say("mode", own.mode, member.get("mode"));
    if (own.type === "symlink") say("target", own.target, unescape(member.get("link") ?? ""));
    if (own.type === "file") say("content", own.sha256, member.get("sha256digest"));
  }
  for (const [path, { type }] of ours) {
    // Folders on the way that no member describes.
    if (type !== "directory" && !theirs.has(path)) found.push(`${JSON.stringify(path)}: only in ours`);
  }
  return found;
}

const TYPES: Readonly<Record<string, string>> = { dir: "directory", link: "symlink" };

function splitWord(word: string): [string, string] {
  const equals = word.indexOf("=");
  return equals === -1 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
}

function plainPath(path: string): string {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
