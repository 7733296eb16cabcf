/** Whether help is wanted rather than the command: `--help` or `-h` before any `--`. */
export function asksForHelp(words: readonly string[]): boolean {
  const own = beforeDashes(words);
  return own.includes("--help") || own.includes("-h");
}

/** Whether errors are to be JSON. Known before the words are parsed, since parsing may fail. */
export function asksForJson(words: readonly string[]): boolean {
  return beforeDashes(words).includes("--json");
}

/** The words that are ours: those before `--`. */
export function beforeDashes(words: readonly string[]): readonly string[] {
  const dashes = words.indexOf("--");
  return dashes === -1 ? words : words.slice(0, dashes);
}
