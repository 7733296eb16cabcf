import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hostGit, type HostGit } from "../../../git/host-git.ts";
import type { Repository } from "../../../git/read-repository.ts";

/** The bare repository in a workspace's folder. */
export const HOME_REPOSITORY = "repository.git";

/**
 * banger's own repository of a workspace: bare, without hooks, and with none of anybody's settings. It holds what came from
 * the guest; the rest is read where the user's repository has it.
 */
export function homeRepository(folder: string, repository: Repository): HostGit {
  const path = join(folder, HOME_REPOSITORY);
  return hostGit({ cwd: path, gitDir: path, alternates: [repository.objects] });
}

/** Makes an empty one. */
export async function makeHomeRepository(
  folder: string,
  repository: Repository,
  signal: AbortSignal,
): Promise<HostGit> {
  const path = join(folder, HOME_REPOSITORY);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const words = ["init", "-q", "--bare", "--template=", `--object-format=${repository.format}`, path];
  await hostGit({ cwd: folder }).run(words, { signal });
  await mkdir(join(path, "objects/pack"), { recursive: true });
  return homeRepository(folder, repository);
}
