import { asBangerError, type BangerError } from "../../lib/errors.ts";
import type { Orphan } from "../../model/orphan.ts";
import type { HostCheck } from "../../model/doctor.ts";

/** @param read reads the configuration, and throws what is wrong with it. */
export function configCheck(file: string, read: () => Promise<unknown>): HostCheck {
  return {
    name: "config",
    why: "the daemon does not start with a configuration that it does not understand",
    essential: true,
    async look() {
      try {
        await read();
        return { result: "ok", summary: file, data: { file } };
      } catch (error) {
        const { message, fix } = asBangerError(error);
        return { result: "fail", summary: message, fix, data: { file } };
      }
    },
  };
}

/** @param trouble why the state cannot be used, if it cannot. */
export function stateCheck(database: string, trouble: BangerError | undefined): HostCheck {
  return {
    name: "state",
    why: "the daemon touches nothing unless its database belongs to the data that lies here",
    essential: true,
    look: () =>
      Promise.resolve(
        trouble === undefined
          ? { result: "ok", summary: database, data: { database } }
          : { result: "fail", summary: trouble.message, fix: trouble.fix, data: { database, code: trouble.code } },
      ),
  };
}

/** @param find what lies in banger's folders, and nobody knows. */
export function orphansCheck(find: () => Promise<readonly Orphan[]>): HostCheck {
  return {
    name: "orphans",
    why: "files that the state does not know take room, and a VMM that works in them holds memory; banger deletes none of them by itself",
    essential: false,
    async look() {
      const found = await find();
      if (found.length === 0) return { result: "ok", summary: "none" };
      const names = found.map(({ name }) => name);
      const more = names.length > 3 ? `, and ${names.length - 3} more` : "";
      const running = found.filter(({ pids }) => pids.length > 0).length;
      return {
        result: "warn",
        summary: `${names.slice(0, 3).join(", ")}${more}${running > 0 ? `; VMMs work in ${running} of them` : ""}`,
        fix: "see `banger system orphans`; it deletes them if you ask it to",
        data: { orphans: names },
      };
    },
  };
}
