/** The last panic in the end of a console, without its time stamp; undefined when there is none. */
export function findPanic(consoleEnd: string): string | undefined {
  const panics = consoleEnd.matchAll(/Kernel panic - not syncing: ([^\r\n]{1,200})/g);
  return [...panics].at(-1)?.[1];
}
