/** `1 layer`, `3 layers`: a number with its noun, for people. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
