import { BangerError } from "../../../lib/errors.ts";
import type { ExecStart } from "../../../api/exec-frames.ts";
import type { OciConfig } from "../../../model/image.ts";
import type { Vm } from "../../../model/vm.ts";

/** A command as the agent takes it. */
export interface PlannedExec {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user: string;
  readonly tty?: { readonly rows: number; readonly cols: number; readonly term: string };
}

/**
 * Completes a command from what the image says of itself (OCI image spec, "config"): its environment, user and folder,
 * and its own command where none was given.
 *
 * @throws BangerError `BAD_REQUEST` if neither the request nor the image names a command.
 */
export function planExec(
  start: Omit<ExecStart, "type">,
  vm: { readonly spec: Pick<Vm["spec"], "env"> },
  config: OciConfig,
): PlannedExec {
  const argv = start.argv ?? imageCommand(config, start.command ?? []);
  if (argv.length === 0) {
    throw new BangerError("BAD_REQUEST", {
      what: "there is no command to run",
      why: "the image has neither an entrypoint nor a command of its own",
      fix: "give one after --, as in `banger run IMAGE -- sh`",
    });
  }
  return {
    argv,
    env: { ...environment(config.env), ...vm.spec.env, ...start.env },
    cwd: start.cwd === "" ? config.workingDir : start.cwd,
    user: start.user === "" ? config.user : start.user,
    ...(start.tty !== undefined && { tty: start.tty }),
  };
}

/** The entrypoint, then the words given in place of CMD, or CMD itself. */
function imageCommand(config: OciConfig, words: readonly string[]): readonly string[] {
  return [...config.entrypoint, ...(words.length > 0 ? words : config.cmd)];
}

function environment(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((entry) => {
      const at = entry.indexOf("=");
      return at === -1 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
