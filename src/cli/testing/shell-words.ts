/** The words of an example as a shell would hand them over: quotes grouped, nothing expanded. For tests only. */
export function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  for (const [whole] of line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)) {
    if (whole === ">" || whole === "|") break;
    words.push(whole.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""));
  }
  return words;
}
