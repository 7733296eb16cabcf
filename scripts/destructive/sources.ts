import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** The files of src that become part of banger: path from the root → text. What only tests use may destroy what it made. */
export function productSources(): Readonly<Record<string, string>> {
  const paths = globSync("src/**/*.ts", { cwd: ROOT }).filter(
    (path) => !/\/(?:gen|testing)\/|\.test\.ts$|-under-test\.ts$/.test(path),
  );
  return Object.fromEntries(paths.toSorted().map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
}
