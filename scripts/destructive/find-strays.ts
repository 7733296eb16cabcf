import { dirname, join } from "node:path";
import { DOES, isCall, MODULE } from "./find-calls.ts";
import { argumentsAt, tokensOf, type Token } from "./tokens.ts";

/** A place that destroys something past the module. */
export interface Stray {
  readonly path: string;
  readonly line: number;
  /** As in a list of exceptions: `child.kill`. */
  readonly name: string;
  readonly why: string;
}

const FILES = /^(?:node:)?fs(?:\/promises)?$/;
/** Whose functions take their paths as they come. */
const REMOVING = new Set(
  ["rm", "rmdir", "unlink", "rename", "truncate", "ftruncate"].flatMap((name) => [name, `${name}Sync`]),
);
/** They destroy or not by what they are told: see {@link harmless}. */
const WRITING = new Set(
  ["writeFile", "open", "copyFile", "cp", "createWriteStream"].flatMap((name) => [name, `${name}Sync`]),
);
const PROGRAMS = new Set(["rm", "mv", "cp", "dd", "rmdir", "unlink", "truncate", "shred", "kill", "pkill", "killall"]);
const RUNNING = new Set(["run", "runInside", "spawn", "spawnSync", "execa", "execFile", "execFileSync"]);

/** Where a file of src removes, replaces, empties or ends something by other means than the module. */
export function straysOf(path: string, source: string): readonly Stray[] {
  if (path === MODULE) return [];
  const tokens = tokensOf(source);
  const stray = (at: number, name: string, why: string): Stray => ({ path, line: tokens[at]?.line ?? 0, name, why });
  const imports = importsOf(tokens);
  const files = new Set(imports.filter(({ from }) => FILES.test(from)).map(({ name }) => name));
  return [
    ...imports.flatMap((one) => {
      const why = whyNoImport(one, path);
      return why === undefined ? [] : [stray(one.at, one.name, why)];
    }),
    ...tokens.flatMap(({ kind, text }, at) => {
      const before = tokens[at - 1]?.text ?? "";
      const isMember = before === "." || before === "?.";
      if ((kind === "name" || kind === "string") && isDestroying(text) && (isMember || isElement(tokens, at))) {
        return [stray(at, `${receiver(tokens, at)}.${text}`, "it destroys by itself")];
      }
      if (kind !== "name" || isMember) return [];
      if (text === "getBuiltinModule" || (text === "process" && before === "=" && tokens[at - 2]?.text === "}")) {
        return [stray(at, text, "what is taken from it cannot be seen")];
      }
      if (RUNNING.has(text) && isCall(tokens, at)) {
        const program = argumentsAt(tokens, at + 1).find(([word]) => word?.kind === "string")?.[0]?.text ?? "";
        return PROGRAMS.has(program) ? [stray(at, `${text} ${program}`, "a program that destroys")] : [];
      }
      if (!files.has(text) || !WRITING.has(text) || isImported(imports, at)) return [];
      if (!isCall(tokens, at)) return [stray(at, `${text}, handed on`, "what it is told cannot be seen")];
      if (harmless(text, argumentsAt(tokens, at + 1))) return [];
      return [stray(at, text, "it may empty or replace what is there")];
    }),
    ...tokens.flatMap(({ kind, text }, at) =>
      kind === "name" && Object.hasOwn(DOES, text) && !isImported(imports, at) && !isCall(tokens, at)
        ? [stray(at, text, "it is handed on, so that no proof is to be seen")]
        : [],
    ),
  ];
}

interface Import {
  readonly from: string;
  /** As it is called there; `*` for all of it. */
  readonly name: string;
  readonly isAlias: boolean;
  readonly isType: boolean;
  readonly at: number;
}

function whyNoImport({ from, name, isAlias, isType }: Import, path: string): string | undefined {
  if (isType) return undefined;
  if (join(dirname(path), from) === MODULE) {
    return name === "*" || isAlias ? "the module's functions go by their own names" : undefined;
  }
  if (/^(?:node:)?process$/.test(from) && (name === "*" || name === "kill")) return "what is taken cannot be seen";
  if (!FILES.test(from)) return undefined;
  if (name === "*" || name === "promises" || name === "default") return "what is taken from it cannot be seen";
  if (REMOVING.has(name)) return "only the module may";
  return isAlias && WRITING.has(name) ? "it goes by its own name" : undefined;
}

/** Each name that is taken from elsewhere, in each way to do so. */
function importsOf(tokens: readonly Token[]): readonly Import[] {
  const found: Import[] = [];
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== "name") continue;
    const next = tokens[at + 1]?.text;
    if ((text === "import" || text === "require" || text === "getBuiltinModule") && next === "(") {
      const from = tokens[at + 2]?.text ?? "";
      found.push({ from, name: "*", isAlias: false, isType: false, at });
    } else if (text === "import" || (text === "export" && (next === "{" || next === "*"))) {
      found.push(...clause(tokens, at));
    }
  }
  return found;
}

function clause(tokens: readonly Token[], start: number): readonly Import[] {
  const end = tokens.findIndex(({ text }, at) => at > start && (text === "from" || text === ";"));
  const from = tokens[end]?.text === "from" ? (tokens[end + 1]?.text ?? "") : "";
  if (from === "") return [];
  const all = tokens[start + 1]?.text === "type";
  const open = tokens.findIndex(({ text }, at) => at > start && at < end && text === "{");
  const isNamed = open === start + 1 || (all && open === start + 2);
  if (!isNamed) return [{ from, name: "*", isAlias: false, isType: all, at: start }];
  return argumentsAt(tokens, open).flatMap((words) => {
    const isType = all || (words.length > 1 && words[0]?.text === "type" && words[1]?.text !== "as");
    const [word, as] = isType && !all ? words.slice(1) : words;
    if (word === undefined) return [];
    return [{ from, name: word.text, isAlias: as !== undefined, isType, at: tokens.indexOf(word) }];
  });
}

function isImported(imports: readonly Import[], at: number): boolean {
  return imports.some((one) => one.at === at);
}

function isDestroying(name: string): boolean {
  return REMOVING.has(name) || name === "kill";
}

/** `x["kill"]`. */
function isElement(tokens: readonly Token[], at: number): boolean {
  return tokens[at]?.kind === "string" && tokens[at - 1]?.text === "[" && tokens[at - 2]?.kind === "name";
}

function receiver(tokens: readonly Token[], at: number): string {
  const { kind, text } = tokens[at - 2] ?? { kind: "other", text: "" };
  return kind === "name" ? text : "…";
}

/** Whether a call only makes what is not there, adds to it, or writes in place. */
function harmless(name: string, args: readonly (readonly Token[])[]): boolean {
  const words = args.flat();
  const hasText = (...texts: readonly string[]): boolean => words.some(({ text }) => texts.includes(text));
  if (hasText("O_TRUNC")) return false;
  if (name.startsWith("copyFile")) return hasText("COPYFILE_EXCL");
  if (name.startsWith("cp")) return hasText("errorOnExist");
  if (!name.startsWith("open")) return words.some(({ kind, text }) => kind === "string" && KEEPING.has(text));
  const [, flags] = args;
  const [flag] = flags ?? [];
  if (flag === undefined) return true;
  return flag.kind === "string" ? KEEPING.has(flag.text) : (flags ?? []).some(({ text }) => text === "constants");
}

/** Flags of open(3) in Node's words that neither empty nor replace. */
const KEEPING = new Set(["r", "rs", "r+", "a", "ax", "a+", "ax+", "wx", "wx+"]);
