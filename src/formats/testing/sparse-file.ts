import { open } from "node:fs/promises";

/** A file of this length with these bytes at these places, and holes elsewhere. */
export async function sparseFile(
  path: string,
  size: number,
  pieces: readonly (readonly [at: number, data: Buffer])[],
): Promise<string> {
  await using file = await open(path, "w");
  await file.truncate(size);
  for (const [at, data] of pieces) await file.write(data, 0, data.length, at);
  return path;
}
