/** Of Firecracker's options those that a driver has a use for (src/firecracker/src/main.rs there). */
const OPTIONS = {
  "api-sock": true,
  id: true,
  "log-path": true,
  level: true,
  "metrics-path": true,
  "http-api-max-payload-size": true,
  "show-level": false,
  "show-log-origin": false,
  "no-seccomp": false,
  "enable-pci": false,
  version: false,
} as const satisfies Readonly<Record<string, boolean>>;
type Option = keyof typeof OPTIONS;

export type Arguments = Readonly<Partial<Record<Option, string>>>;

/** Exit status of Firecracker for arguments that it does not understand (FcExitCode::ArgParsing). */
export const EXIT_ARGUMENTS = 153;

/** @throws Error in the words of Firecracker's own parser. */
export function parseArguments(words: readonly string[]): Arguments {
  const found: Partial<Record<Option, string>> = {};
  const rest = words.values();
  for (const word of rest) {
    const name = word.slice(2);
    if (!word.startsWith("--") || !isOption(name)) {
      throw new Error(`Found argument '${word}' which wasn't expected, or isn't valid in this context.`);
    }
    if (found[name] !== undefined) throw new Error(`The argument '${name}' was provided more than once.`);
    if (!OPTIONS[name]) {
      found[name] = "";
      continue;
    }
    const { value } = rest.next();
    if (value === undefined) throw new Error(`The argument '${name}' requires a value, but none was supplied.`);
    found[name] = value;
  }
  return found;
}

function isOption(name: string): name is Option {
  return Object.hasOwn(OPTIONS, name);
}

/** `--id`: letters, digits and `-`, at most 64 (src/utils/src/validators.rs). Ids of devices are another matter. */
export function isInstanceId(id: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(id);
}
