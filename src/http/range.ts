/** The headers that ask for a file from `offset` on (RFC 9110, 14.2). */
export function rangeFrom(offset: number): Record<string, string> {
  return offset === 0 ? {} : { range: `bytes=${offset}-` };
}
