/** Words in lines of at most `width` characters, each behind `indent`. */
export function wrap(words: readonly string[], width: number, indent = ""): string {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(indent + word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join("\n");
}
