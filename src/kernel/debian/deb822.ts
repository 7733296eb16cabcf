/** One paragraph of a control file: fields by their name in lower case (names are case-insensitive). */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Reads Debian control data (deb822(5)): Release, Packages, .sources.
 *
 * Continuation lines are kept apart by newlines, without the blank that marks them; a lone `.` stands for an empty line.
 * Lines that are neither field nor continuation are passed over.
 */
export function parseDeb822(text: string): Stanza[] {
  const stanzas: Stanza[] = [];
  let fields = new Map<string, string>();
  let current: string | undefined;
  const close = (): void => {
    if (fields.size > 0) stanzas.push(fields);
    fields = new Map();
    current = undefined;
  };
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    if (line.trim() === "") {
      close();
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      if (current === undefined) continue;
      const rest = line.slice(1).trimEnd();
      fields.set(current, `${fields.get(current) ?? ""}\n${rest === "." ? "" : rest}`);
    } else {
      const colon = line.indexOf(":");
      if (colon < 1) continue;
      current = line.slice(0, colon).toLowerCase();
      fields.set(current, line.slice(colon + 1).trim());
    }
  }
  close();
  return stanzas;
}

/** The words of a field that lists things: `Suites: bookworm bookworm-updates`. */
export function words(stanza: Stanza, field: string): string[] {
  return (stanza.get(field.toLowerCase()) ?? "").split(/\s+/).filter((word) => word !== "");
}
