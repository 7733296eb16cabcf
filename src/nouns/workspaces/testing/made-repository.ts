import type { SendOptions, WorkScene } from "./work-scene.ts";

/** A repository as users have them, made in a scene. */
export interface MadeRepository {
  readonly called: string;
  /** @returns the work tree, where it is not the scene's own. */
  readonly make: (scene: WorkScene) => Promise<string | void>;
  readonly send?: SendOptions;
  /** What a note on it has to say. */
  readonly notes?: RegExp;
  /** Lines of `git status` that only the user's side has: what is untracked and does not go along. */
  readonly untracked?: true;
}

/** A repository with so many commits. */
export async function history(scene: WorkScene, commits: number): Promise<void> {
  await scene.begin();
  for (let n = 1; n < commits; n += 1) {
    await scene.write("a", `change ${n}\n`);
    scene.git("commit", "-q", "-a", "-m", `change ${n}`);
  }
}

/** A command that stops in the middle, as it is to. */
export function fails(command: () => void): void {
  try {
    command();
  } catch {
    return;
  }
  throw new Error("it was to stop with conflicts");
}
