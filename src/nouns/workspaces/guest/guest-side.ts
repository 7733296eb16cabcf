/** A command of a workspace's guest. */
export interface SideCommand {
  readonly argv: readonly string[];
  /** In the guest. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface SideAnswer {
  readonly status: number;
  /** Bounded. */
  readonly stdout: Buffer;
  /** Its last words. */
  readonly said: string;
}

/**
 * As much of a guest as a workspace needs: commands as the workspace's user, and its files. What it answers is a guest's word.
 * Paths are absolute.
 */
export interface GuestSide {
  /** @throws BangerError `EXEC_FAILED` where the command is not there, `GUEST_GIT_FAILED` where it prints too much. */
  run(command: SideCommand, signal: AbortSignal): Promise<SideAnswer>;
  /**
   * What a command prints, as it comes.
   *
   * @throws BangerError `GUEST_GIT_FAILED` at its end, where it fails.
   */
  stream(command: SideCommand, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /** Makes a folder of the user's, and those above it where they are missing. */
  makeFolder(path: string, signal: AbortSignal): Promise<void>;
  /** Unpacks a tar archive into a folder that is there; all becomes the user's. */
  unpack(folder: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** @throws BangerError `FILE_EXISTS` where something has the other path. */
  move(from: string, to: string, signal: AbortSignal): Promise<void>;
  /** Removes a folder with all in it; one that is not there is no error. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  exists(path: string, signal: AbortSignal): Promise<boolean>;
}

/** Most that a command's answer may have. */
export const MAX_ANSWER = 4 * 1024 ** 2;
/** Of its last words. */
export const MAX_SAID = 2000;
