import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rename, rm, lstat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { buffer, text } from "node:stream/consumers";
import { BangerError } from "../../../lib/errors.ts";
import { guestGitFailed } from "../guest/guest-errors.ts";
import type { GuestSide, SideCommand } from "../guest/guest-side.ts";

/**
 * A folder that plays the guest: its programs are those of this host, its paths begin in the folder, and archives are unpacked
 * by tar(1). What a real guest does is the end-to-end test's.
 *
 * @param env of its commands besides: what a hostile guest would say.
 */
export function localSide(root: string, env: Readonly<Record<string, string>> = {}): GuestSide {
  const at = (path: string): string => join(root, path);
  const start = (command: SideCommand) => {
    const [program = "", ...args] = command.argv;
    const child = spawn(program, args, {
      cwd: at(command.cwd),
      env: {
        PATH: process.env["PATH"],
        HOME: root,
        LC_ALL: "C",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CEILING_DIRECTORIES: root,
        ...env,
        ...command.env,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => {});
    const input = command.input ?? Buffer.alloc(0);
    const fed = pipeline(Readable.from(input instanceof Uint8Array ? [input] : input), child.stdin).catch(() => {});
    const ended = once(child, "close").then(([code]: unknown[]) => (typeof code === "number" ? code : 255));
    ended.catch(() => {});
    return { child, ended, fed };
  };
  return {
    async run(command) {
      const { child, ended } = start(command);
      try {
        const [stdout, said] = await Promise.all([buffer(child.stdout), text(child.stderr)]);
        return { status: await ended, stdout, said };
      } catch (cause) {
        throw new BangerError("EXEC_FAILED", { what: "it could not be run", fix: "install it", cause });
      }
    },
    async *stream(command) {
      const { child, ended } = start(command);
      const said = text(child.stderr);
      yield* child.stdout as AsyncIterable<Buffer>;
      const status = await ended;
      if (status !== 0) throw guestGitFailed(command, status, await said);
    },
    async makeFolder(path) {
      await mkdir(at(path), { recursive: true });
    },
    async unpack(folder, archive) {
      const tar = spawn("tar", ["-x", "--no-same-owner", "-C", at(folder)], { stdio: ["pipe", "ignore", "inherit"] });
      const ended = once(tar, "close");
      await pipeline(Readable.from(archive), tar.stdin);
      const [code] = await ended;
      if (code !== 0) throw new Error(`tar ended with ${String(code)}`);
    },
    move: (from, to) => rename(at(from), at(to)),
    remove: (path) => rm(at(path), { recursive: true, force: true }),
    exists: (path) =>
      lstat(at(path)).then(
        () => true,
        () => false,
      ),
  };
}
