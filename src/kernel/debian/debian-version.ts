/**
 * Orders two versions of Debian packages as dpkg does (deb-version(7)): `epoch:upstream-revision`.
 *
 * @returns negative if `a` is the earlier one, 0 if they are equal, positive if it is the later one.
 */
export function compareDebianVersions(a: string, b: string): number {
  const left = split(a);
  const right = split(b);
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? "" : rest.slice(dash + 1),
  };
}

/** Compares runs of non-digits and runs of digits by turns, the first as text, the second as numbers. */
function compareParts(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while (isText(a[i]) || isText(b[j])) {
      const difference = weight(a[i]) - weight(b[j]);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
    const digitsA = digitsAt(a, i);
    const digitsB = digitsAt(b, j);
    i += digitsA.length;
    j += digitsB.length;
    const difference = compareNumbers(digitsA, digitsB);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isText(char: string | undefined): boolean {
  return char !== undefined && !isDigit(char);
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

/** `~` sorts before everything, even the end; then the end and digits; then letters; then the rest. */
function weight(char: string | undefined): number {
  if (char === "~") return -1;
  if (char === undefined || isDigit(char)) return 0;
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256;
}

function digitsAt(text: string, start: number): string {
  let end = start;
  while (isDigit(text[end] ?? "")) end += 1;
  return text.slice(start, end);
}

/** Dates make numbers that a double does not hold, so they are compared as text of one length. */
function compareNumbers(a: string, b: string): number {
  const x = a.replace(/^0+/, "");
  const y = b.replace(/^0+/, "");
  if (x.length !== y.length) return x.length - y.length;
  return x < y ? -1 : x > y ? 1 : 0;
}
