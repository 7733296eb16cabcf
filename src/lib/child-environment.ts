/** Of our environment, what a program needs to find other programs, its user's folders, and its language. */
const NEEDED = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE"] as const;

/**
 * The environment of a child that lives long or reads what is hostile. Ours may hold the secrets of whoever started the
 * daemon, and anybody who breaks out of a guest could read them there.
 *
 * @param more variables of this child alone.
 */
export function childEnvironment(
  more: Readonly<Record<string, string>> = {},
  ours: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> {
  const kept = NEEDED.flatMap((name): [string, string][] => {
    const value = ours[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(kept), ...more };
}
