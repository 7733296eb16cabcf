import { asBangerError } from "../../lib/errors.ts";
import type { HostCheck } from "../host-check.ts";

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

/** @param find what a crash left and nobody owns, each in words: processes, run folders. */
export function leftoversCheck(find: () => Promise<readonly string[]>): HostCheck {
  return {
    name: "leftovers",
    why: "a VMM that no daemon knows holds memory, and keeps disks from being used",
    essential: false,
    async look() {
      const found = await find();
      if (found.length === 0) return { result: "ok", summary: "none" };
      return {
        result: "warn",
        summary: found.join(", "),
        fix: "banger daemon stop; banger daemon start (it removes them)",
        data: { leftovers: found },
      };
    },
  };
}
